package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is the dotm under measurement, a process of its own.
type server struct {
	cmd   *exec.Cmd
	dir   string // temporary; the store is in it
	url   string
	log   string
	begun time.Time
}

// buildDotm builds the program of this source folder into dir.
func buildDotm(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "dotm")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/devops-trouble-map/dotm/cmd/dotm")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building dotm: %w\n%s", err, out)
	}
	return path, nil
}

// ownAddress is an address of this machine by which it reaches itself as it would another
// one: answers are compressed, as they are not on loopback. Without one it is loopback.
func ownAddress() string {
	list, _ := net.InterfaceAddrs()
	for _, a := range list {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() && !p.Addr().IsLoopback() {
			return p.Addr().String()
		}
	}
	return "127.0.0.1"
}

// startServer starts dotm with an empty store. sources are lines of its configuration.
func startServer(ctx context.Context, dotm, sources string) (s *server, err error) {
	s = &server{begun: time.Now()}
	if s.dir, err = os.MkdirTemp("", "dotm-bench-site-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	config := filepath.Join(s.dir, "dotm.yaml")
	if err := os.WriteFile(config, []byte(sources), 0o600); err != nil {
		return nil, err
	}
	s.log = filepath.Join(s.dir, "log")
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the child has its own
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), dotm, "serve", "--listen", ownAddress()+":0",
		"--insecure", "--data", filepath.Join(s.dir, "data"), "--config", config, "--debug-listen", "127.0.0.1:0")
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	if s.url, err = addressIn(said); err != nil {
		return nil, fmt.Errorf("%w: %s", err, s.complaint())
	}
	return s, nil
}

var urlIn = regexp.MustCompile(`https?://[^\s/]+`)

// addressIn is the first URL in what the server says, of which the rest is read and
// forgotten.
func addressIn(said io.Reader) (string, error) {
	lines := bufio.NewScanner(said)
	for lines.Scan() {
		if url := urlIn.FindString(lines.Text()); url != "" {
			go io.Copy(io.Discard, said) //nolint:errcheck // nothing more to read
			return url, nil
		}
	}
	return "", errors.New("the server ended before it served")
}

// found is what a pattern finds in the server's log.
func (s *server) found(pattern string) string {
	text, _ := os.ReadFile(s.log)
	if m := regexp.MustCompile(pattern).FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// complaint is the end of the server's log.
func (s *server) complaint() string {
	text, _ := os.ReadFile(s.log)
	return string(text[max(0, len(text)-2000):])
}

// address is the server's, without the scheme.
func (s *server) address() string { return strings.TrimPrefix(s.url, "http://") }

// endTime is how long a server may take to write what it has and end.
const endTime = 30 * time.Second

// stop ends the server and removes what it kept.
func (s *server) stop() {
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(endTime, func() { _ = s.cmd.Process.Kill() })
		_ = s.cmd.Wait()
		late.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

// stored is the size of the store's file.
func (s *server) stored() int64 {
	info, err := os.Stat(filepath.Join(s.dir, "data", "dotm.db"))
	if err != nil {
		return 0
	}
	return info.Size()
}

// usage is what a process has taken so far; see proc_pid_stat(5) and proc_pid_status(5).
type usage struct {
	at              time.Time
	cpu             time.Duration
	rss, anon, peak int64 // bytes; anon is without pages of files
	threads, open   int
}

// usage reads /proc.
func (s *server) usage() (usage, error) { return usageOf(s.cmd.Process.Pid) }

func usageOf(pid int) (u usage, err error) {
	u.at = time.Now()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i], 10, 64); return n }
	const hertz = 100 // USER_HZ on every Linux that Go runs on
	u.cpu = time.Duration(number(11)+number(12)) * time.Second / hertz
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch name {
		case "VmRSS":
			u.rss = n << 10
		case "VmHWM":
			u.peak = n << 10
		case "RssAnon":
			u.anon = n << 10
		case "Threads":
			u.threads = int(n)
		}
	}
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	u.open = len(list)
	return u, err
}

// metrics are the samples of /metrics, by name with labels.
func (s *server) metrics(ctx context.Context) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	out := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		line := lines.Text()
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		if v, err := strconv.ParseFloat(line[i+1:], 64); err == nil {
			out[line[:i]] = v
		}
	}
	return out, nil
}

// profile keeps one of the server's profiles in a file.
func (s *server) profile(ctx context.Context, path, to string) error {
	address := s.found(`msg="serving profiles".* address=(\S+)`)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/pprof/"+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, resp.Body)
	return errors.Join(err, f.Close())
}
