// Package systemd_test tries the units of this folder: by systemd's own tools,
// and by running dotm with exactly the rights that they leave it.
package systemd_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/agent"
	"github.com/devops-trouble-map/dotm/test/need"
)

const (
	agentUnit  = "dotm-agent.service"
	serverUnit = "dotm.service"
	// program is where packages put dotm.
	program = "/usr/bin/dotm"
)

// unit is a unit file (systemd.syntax(7)): for each key of section [Service],
// what is assigned to it, in order. Sections don't matter here: no key of one
// means something else in another.
type unit map[string][]string

// read parses a unit of this folder.
func read(t *testing.T, name string) unit {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	u := unit{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '[' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasSuffix(line, `\`) {
			t.Fatalf("%s: this test can't read %q", name, line)
		}
		u[key] = append(u[key], value)
	}
	return u
}

// list is all that is assigned to a key whose lines add up.
func (u unit) list(key string) (words []string) {
	for _, line := range u[key] {
		words = append(words, strings.Fields(line)...)
	}
	slices.Sort(words)
	return words
}

// one is the value of a key that is assigned once.
func (u unit) one(t *testing.T, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("%s is assigned %d times", key, len(u[key]))
	}
	return u[key][0]
}

// openDir is a temporary folder that every user may look into.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build builds dotm where every user may run it.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(openDir(t), "dotm")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../../cmd/dotm")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// output runs a program and gives what it prints, standard error apart.
func output(t *testing.T, argv ...string) (out, errOut string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

// TestVerify lets systemd read the units, with dotm where it was built.
func TestVerify(t *testing.T) {
	analyze := need.Program(t, "systemd-analyze")
	dotm := build(t)
	for _, name := range []string{agentUnit, serverUnit} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		there := filepath.Join(t.TempDir(), name)
		moved := strings.ReplaceAll(string(text), "="+program+" ", "="+dotm+" ")
		if err := os.WriteFile(there, []byte(moved), 0o644); err != nil {
			t.Fatal(err)
		}
		out, errOut, err := output(t, analyze, "verify", "--man=no", there)
		if err != nil || out+errOut != "" {
			t.Errorf("%s: %v\n%s%s", name, err, out, errOut)
		}
	}
}

// TestExposure asks systemd how much of the host a unit leaves open, on its
// scale from 0 to 10.
func TestExposure(t *testing.T) {
	analyze := need.Program(t, "systemd-analyze")
	overall := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+) `)
	for name, most := range map[string]float64{agentUnit: 3, serverUnit: 1.5} {
		out, errOut, err := output(t, analyze, "security", "--offline=true", "--no-pager", "./"+name)
		if strings.Contains(errOut, "unrecognized option") {
			need.Lacks(t, "systemd-analyze is older than 250: it can't judge a file")
		}
		found := overall.FindStringSubmatch(out)
		if err != nil || found == nil {
			t.Fatalf("%s: %v\n%s%s", name, err, out, errOut)
		}
		score, err := strconv.ParseFloat(found[1], 64)
		if err != nil || score > most {
			t.Errorf("%s is exposed by %s, want at most %.1f\n%s", name, found[1], most, out)
		}
		t.Logf("%s is exposed by %s of 10", name, found[1])
	}
}

// TestFlagsExist: units promise no flag and no variable that dotm doesn't know,
// not even in a comment.
func TestFlagsExist(t *testing.T) {
	dotm := build(t)
	flag := regexp.MustCompile(`[= ](--[a-z-]+)`)
	variable := regexp.MustCompile(`\b(DOTM_[A-Z]+)=`)
	for name, command := range map[string]string{agentUnit: "agent", serverUnit: "serve"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		help, _, err := output(t, dotm, command, "--help")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range flag.FindAllStringSubmatch(string(text), -1) {
			if m[1] != "--help" && !regexp.MustCompile(m[1]+`\b`).MatchString(help) {
				t.Errorf("%s speaks of %s, which dotm %s doesn't know:\n%s", name, m[1], command, help)
			}
		}
		for _, m := range variable.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(help, "$"+m[1]) {
				t.Errorf("%s speaks of %s, which dotm %s doesn't know:\n%s", name, m[1], command, help)
			}
		}
		if want := program + " " + command + " $DOTM_" + strings.ToUpper(command) + "_FLAGS"; read(t, name).one(t, "ExecStart") != want {
			t.Errorf("%s starts %q, want %q", name, read(t, name)["ExecStart"], want)
		}
	}
}

// TestRights: the agent has what its features need, the server nothing.
func TestRights(t *testing.T) {
	u := read(t, agentUnit)
	want := []string{"CAP_BPF", "CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"}
	if got := u.list("CapabilityBoundingSet"); !slices.Equal(got, want) {
		t.Errorf("the agent may have %v, want %v", got, want)
	}
	if got := u.list("AmbientCapabilities"); !slices.Equal(got, want) {
		t.Errorf("the agent has %v, want %v", got, want)
	}
	u = read(t, serverUnit)
	for _, key := range []string{"CapabilityBoundingSet", "AmbientCapabilities"} {
		if got, there := u[key]; !there || len(u.list(key)) != 0 {
			t.Errorf("the server has %s %v", key, got)
		}
	}
}

// TestPromises: what must be set, and what would blind dotm.
func TestPromises(t *testing.T) {
	both := map[string]string{
		"NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
		"MemoryDenyWriteExecute": "yes", "LockPersonality": "yes", "ProtectKernelModules": "yes",
		"ProtectControlGroups": "yes", "DynamicUser": "yes", "Restart": "on-failure",
	}
	want := map[string]map[string]string{
		agentUnit:  {"RestrictNamespaces": "net", "ProtectProc": "default", "ProcSubset": "all", "CPUQuota": "10%", "StateDirectory": "dotm-agent"},
		serverUnit: {"RestrictNamespaces": "yes", "PrivateUsers": "yes", "StateDirectory": "dotm"},
	}
	never := map[string][]string{
		agentUnit:  {"PrivateNetwork", "PrivateUsers", "ProtectHostname", "IPAddressDeny", "RootDirectory"},
		serverUnit: {"PrivateNetwork", "ProcSubset"},
	}
	for name := range want {
		maps.Copy(want[name], both)
		u := read(t, name)
		for key, value := range want[name] {
			if got := u.one(t, key); got != value {
				t.Errorf("%s has %s=%s, want %s", name, key, got, value)
			}
		}
		for _, key := range never[name] {
			if got, there := u[key]; there {
				t.Errorf("%s has %s=%v", name, key, got)
			}
		}
	}
}

// TestMemory: Go's own limit comes well before the one at which the kernel
// kills.
func TestMemory(t *testing.T) {
	if most := bytesOf(t, read(t, agentUnit).one(t, "MemoryMax")); agent.DefaultMemory*3/2 > most {
		t.Errorf("the agent limits itself to %d MiB, and is killed at %d MiB", agent.DefaultMemory>>20, most>>20)
	}
	u := read(t, serverUnit)
	i := slices.IndexFunc(u["Environment"], func(v string) bool { return strings.HasPrefix(v, "GOMEMLIMIT=") })
	if i < 0 {
		t.Fatal("the server has no GOMEMLIMIT")
	}
	soft := bytesOf(t, strings.TrimSuffix(strings.TrimPrefix(u["Environment"][i], "GOMEMLIMIT="), "iB"))
	if most := bytesOf(t, u.one(t, "MemoryMax")); soft > most*9/10 || soft < most/2 {
		t.Errorf("the server limits itself to %d MiB, and is killed at %d MiB", soft>>20, most>>20)
	}
}

// bytesOf reads a size with one of the suffixes K, M and G.
func bytesOf(t *testing.T, size string) int {
	t.Helper()
	shift, ok := map[byte]int{'K': 10, 'M': 20, 'G': 30}[size[len(size)-1]]
	n, err := strconv.Atoi(size[:len(size)-1])
	if !ok || err != nil {
		t.Fatalf("%q is no size", size)
	}
	return n << shift
}

// copyFile copies a program where every user may run it.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	src, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Close()); err != nil {
		t.Fatal(err)
	}
}
