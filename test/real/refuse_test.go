//go:build linux

package realtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/store/bolt"
	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// refused runs dotm with arguments that it must refuse: exit code 2, one line
// on standard error that holds every text, nothing on standard output.
func (h host) refused(t *testing.T, args []string, opts []bed.Option, texts ...string) {
	t.Helper()
	p := h.Dotm(t, args, opts...)
	if code := p.Wait(t); code != 2 {
		t.Errorf("dotm %s: exit code %d, want 2", strings.Join(args, " "), code)
	}
	text := p.Err()
	if err := stage.ContainsAll(text, append(texts, "dotm: ")...); err != nil {
		t.Errorf("dotm %s: %v", strings.Join(args, " "), err)
	}
	if lines := strings.Count(text, "\n"); lines != 1 {
		t.Errorf("dotm %s complains in %d lines, want 1:\n%s", strings.Join(args, " "), lines, text)
	}
	if out := p.Out(); out != "" {
		t.Errorf("dotm %s refuses, but writes to standard output: %q", strings.Join(args, " "), out)
	}
}

func TestDataFolderInUse(t *testing.T) {
	h, data := newHost(t, "web1"), stage.OpenDir(t)
	d := h.up(t, data)
	h.refused(
		t, []string{"up", "--data", data, "--listen", "127.0.0.1:4850"}, nil,
		data, "in use", "process "+strconv.Itoa(d.PID()), "stop it", "--data",
	)
	d.HeardOf(t, "web1") // the first goes on
	d.Kill()
	h.up(t, data) // a lock of the dead holds nobody back
}

func TestPortBusy(t *testing.T) {
	h := newHost(t, "web1")
	h.up(t, stage.OpenDir(t))
	data := stage.OpenDir(t)
	h.refused(t, []string{"up", "--data", data}, nil, local, "busy", "--listen")
	if _, err := os.Stat(filepath.Join(data, "dotm.pid")); err == nil {
		t.Error("a dotm that did not start left its process id in the data folder")
	}
}

func TestDataFolderUnusable(t *testing.T) {
	stage.NeedRoot(t)
	h, dir := newHost(t, "web1"), stage.OpenDir(t)
	h.refused(t, []string{"up", "--data", filepath.Join(dir, "data")}, []bed.Option{bed.As(stranger)}, dir, "permission denied", "--data")
	foreign := filepath.Join(dir, "foreign")
	if err := os.Mkdir(foreign, 0o755); err != nil { //nolint:gosec // another user looks
		t.Fatal(err)
	}
	h.refused(t, []string{"up", "--data", foreign}, []bed.Option{bed.As(stranger)}, foreign, "permission denied", "--data")
	file := filepath.Join(dir, "file")
	stage.Write(t, file, "no folder")
	h.refused(t, []string{"up", "--data", file}, nil, file, "not a directory", "--data")
}

// A database that is foreign or damaged is refused, says what to do, and is
// left as it is.
func TestDatabaseUnusable(t *testing.T) {
	h, data := newHost(t, "web1"), stage.OpenDir(t)
	d := h.up(t, data)
	stage.Eventually(t, "something is stored", func() error {
		state, err := onDisk(t, data)
		if err == nil && len(state.Blocks) == 0 {
			err = fmt.Errorf("no node is stored yet")
		}
		return err
	})
	d.Terminate(t, stage.Patience)
	whole, err := os.ReadFile(filepath.Join(data, bolt.FileName))
	if err != nil {
		t.Fatal(err)
	}
	const damaged = "damaged"
	page := os.Getpagesize()
	used := inUse(whole, page)
	for _, c := range []struct {
		name string
		file []byte
		says string
	}{
		{"text", []byte("these are the notes of somebody else, keep them\n"), "not a dotm database"},
		{"short text", []byte("hello"), "not a dotm database"},
		{"sqlite", append([]byte("SQLite format 3\x00"), make([]byte, 8192)...), "not a dotm database"},
		{"half", whole[:used/2], damaged},
		{"all but a page", whole[:used-page], damaged},
		{"all but a byte", whole[:used-1], damaged},
		{"first page", whole[:page], damaged},
		{"both meta pages overwritten", zero(whole, 24, 2*page), damaged},
		{"data overwritten", zero(whole, 2*page, len(whole)), damaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := stage.OpenDir(t)
			path := filepath.Join(dir, bolt.FileName)
			stage.Write(t, path, string(c.file))
			h.refused(t, []string{"up", "--data", dir}, nil, path, c.says, "move")
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, c.file) {
				t.Errorf("the file was changed (%v): %d bytes, had %d", err, len(after), len(c.file))
			}
		})
	}
}

// inUse is how much of a database's file is: it grows ahead of what is
// written. bbolt keeps two meta pages, of which that with the higher
// transaction counts; behind a page's header of 16 bytes stand, among others,
// the number of pages at 40 and the transaction at 48.
func inUse(file []byte, page int) int {
	newest, pages := uint64(0), uint64(0)
	for _, meta := range [][]byte{file[16:], file[page+16:]} {
		if tx := binary.NativeEndian.Uint64(meta[48:]); tx >= newest {
			newest, pages = tx, binary.NativeEndian.Uint64(meta[40:])
		}
	}
	return int(pages) * page //nolint:gosec // a few pages
}

// zero is a copy with the bytes from one offset to another zeroed.
func zero(b []byte, from, to int) []byte {
	b = bytes.Clone(b)
	clear(b[from:to])
	return b
}

func TestWrongArguments(t *testing.T) {
	h, dir := newHost(t, "web1"), stage.OpenDir(t)
	config := func(name, text string) string {
		path := filepath.Join(dir, name)
		stage.Write(t, path, text)
		return path
	}
	unknown := config("unknown.yaml", "settings:\n  ageing: 5m\n  aging: 5m\n")
	wrongType := config("type.yaml", "settings:\n  ignored_ports: many\n")
	wrongValue := config("value.yaml", "settings:\n  ageing: 1ms\n")
	notYAML := config("broken.yaml", "settings: [\n")
	for _, c := range []struct {
		args  []string
		texts []string
	}{
		{[]string{"up", "--interval", "0"}, []string{"--interval", "100ms", "24h0m0s", "is 0s"}},
		{[]string{"up", "--interval=-1s"}, []string{"--interval", "100ms", "is -1s"}},
		{[]string{"up", "--interval", "25h"}, []string{"--interval", "24h0m0s", "is 25h0m0s"}},
		{[]string{"up", "--interval", "often"}, []string{"--interval", "often"}},
		{[]string{"up", "--listen", "127.0.0.1"}, []string{"--listen", `"127.0.0.1"`, "port"}},
		{[]string{"up", "--behind-proxy", "proxy.example"}, []string{"--behind-proxy", "proxy.example", "10.0.0.0/8"}},
		{[]string{"up", "--config", unknown}, []string{unknown, "line 3", `"aging"`}},
		{[]string{"serve", "--config", wrongType}, []string{wrongType, "line 2: must be a list, is \"many\""}},
		{[]string{"config", "check", unknown}, []string{unknown, "line 3", `"aging"`}},
		{[]string{"config", "check", wrongType}, []string{wrongType, "line 2: must be a list, is \"many\""}},
		{[]string{"config", "check", wrongValue}, []string{wrongValue, "settings.ageing", "1s", "1ms"}},
		{[]string{"config", "check", notYAML}, []string{notYAML, "line 2, column 1"}},
		{[]string{"config", "check", filepath.Join(dir, "none.yaml")}, []string{"none.yaml", "no such file"}},
		{[]string{"serve", "--insecure", "--behind-proxy", "10.0.0.0/8"}, []string{"--insecure", "--behind-proxy", "contradict"}},
		{[]string{"serve", "--listen", "[::]:0", "--key-file", "key.pem"}, []string{"--key-file", "--cert-file"}},
		{[]string{"agent", "--server", "https://10.77.0.1", "--token-file", filepath.Join(dir, "none")}, []string{"token", "no such file"}},
		{[]string{"relay", "--server", "https://10.77.0.1", "--state", filepath.Join(dir, "relay")}, []string{"relay needs a token", "dotm token create --relay"}},
		{[]string{"agent", "--server", "db1:4849"}, []string{"--server", "db1:4849", "http://"}},
		{[]string{"agent", "--server", "http://127.0.0.1:4849", "--interval", "0"}, []string{"--interval", "is 0s"}},
		{[]string{"map", "--server", "http://127.0.0.1:1"}, []string{"http://127.0.0.1:1", "refused", "--server"}},
		{[]string{"nonsense"}, []string{"nonsense", "--help"}},
		{[]string{"up", "--nonsense"}, []string{"--nonsense", "--help"}},
	} {
		t.Run(strings.ReplaceAll(strings.Join(c.args, " "), dir+"/", ""), func(t *testing.T) {
			args := c.args
			if args[0] == "up" || args[0] == "serve" {
				args = append(args, "--data", filepath.Join(dir, "data"))
			}
			h.refused(t, args, nil, c.texts...)
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a dotm that was refused made a data folder")
	}
}

// Others are served only by who insists, and not without a warning.
func TestInsecure(t *testing.T) {
	web, db := twoHosts(t)
	p := web.Dotm(t, []string{"serve", "--insecure", "--listen", "0.0.0.0:0", "--data", stage.OpenDir(t)})
	p.Says(t, "INSECURE", "no TLS", "no login")
	var port []string
	stage.Eventually(t, "dotm says on stdout where it serves", func() error {
		if port = regexp.MustCompile(`http://\S+:(\d+)\s`).FindStringSubmatch(p.Out()); port == nil {
			return fmt.Errorf("stdout is %q", p.Out())
		}
		return nil
	})
	number, err := strconv.Atoi(port[1])
	if err != nil {
		t.Fatal(err)
	}
	db.Reachable(t, join(webAddress, number))
}
