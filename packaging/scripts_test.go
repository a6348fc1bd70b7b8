// Package packaging_test tries what packages and install scripts are made of, without
// building any: make test-packages does that.
package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/test/need"
)

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestShellcheck: the scripts are what any sh understands.
func TestShellcheck(t *testing.T) {
	shellcheck := need.Program(t, "shellcheck")
	var scripts []string
	for _, pattern := range []string{"../scripts/*.sh", "*.sh", "*/*.sh", "../cmd/dotm/completion/*.bash"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v, %v", pattern, found, err)
		}
		scripts = append(scripts, found...)
	}
	for _, s := range scripts {
		argv := []string{"--norc", s}
		if strings.HasSuffix(s, ".bash") {
			argv = append(argv, "--shell=bash")
		}
		if out, err := exec.CommandContext(t.Context(), shellcheck, argv...).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	for _, s := range append(scripts[:2:2], slices.DeleteFunc(scripts, func(s string) bool { return !strings.HasPrefix(s, "nfpm/") })...) {
		if !strings.HasPrefix(read(t, s), "#!/bin/sh\n") {
			t.Errorf("%s runs on machines that may have no bash", s)
		}
	}
}

// TestScriptsShare: each script stands alone, so both hold the same functions.
func TestScriptsShare(t *testing.T) {
	shared := regexp.MustCompile(`(?s)\n# ---- from here on.*\n# ---- up to here ----\n`)
	server, agent := shared.FindString(read(t, "../scripts/install-server.sh")), shared.FindString(read(t, "../scripts/install-agent.sh"))
	if len(server) < 1000 || server != agent {
		t.Errorf("scripts/install-server.sh and install-agent.sh share %d and %d bytes, which must be the same", len(server), len(agent))
	}
}

// TestDefaults: what stands in the files of /etc/default, be it commented out, is what
// the units and the program know.
func TestDefaults(t *testing.T) {
	variable := regexp.MustCompile(`(?m)^#?([A-Z_]+)=`)
	flag := regexp.MustCompile(`env:"([A-Z_]+)"`)
	known := []string{"DOTM_TOKEN", "GOMEMLIMIT"}
	for _, pattern := range []string{"../cmd/dotm/*.go", "../cmd/dotm/*/*.go"} {
		sources, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sources {
			for _, m := range flag.FindAllStringSubmatch(read(t, s), -1) {
				known = append(known, m[1])
			}
		}
	}
	for name, unit := range map[string]string{"default/dotm": "systemd/dotm.service", "default/dotm-agent": "systemd/dotm-agent.service"} {
		for _, m := range variable.FindAllStringSubmatch(read(t, name), -1) {
			if !slices.Contains(known, m[1]) && !strings.Contains(read(t, unit), "$"+m[1]) {
				t.Errorf("%s speaks of %s, which neither dotm nor %s knows", name, m[1], unit)
			}
		}
		if !strings.Contains(read(t, unit), "EnvironmentFile=-/etc/"+name+"\n") {
			t.Errorf("%s doesn't read /etc/%s", unit, name)
		}
	}
}

// nfpm is what this test reads of a package's description.
type nfpm struct {
	Name     string
	Contents []struct {
		Src, Dst, Type string
		FileInfo       struct {
			Mode  int
			Group string
		} `yaml:"file_info"`
	}
	Scripts map[string]string
}

// TestContents: each file of a package has a mode, what is below /etc is configuration,
// which upgrades keep, and what may hold a secret is not for everybody.
func TestContents(t *testing.T) {
	for _, name := range []string{"dotm", "dotm-agent"} {
		var p nfpm
		if err := yaml.Unmarshal([]byte(read(t, "nfpm/"+name+".yaml")), &p); err != nil {
			t.Fatal(err)
		}
		if p.Name != name || len(p.Contents) == 0 {
			t.Fatalf("package %s is %+v", name, p)
		}
		for _, c := range p.Contents {
			etc := strings.HasPrefix(c.Dst, "/etc/")
			if isConfig := c.Type == "config|noreplace" || c.Type == "dir"; etc != isConfig {
				t.Errorf("%s: %s has type %q", name, c.Dst, c.Type)
			}
			if c.FileInfo.Mode == 0 || etc && c.FileInfo.Mode&0o007 != 0 {
				t.Errorf("%s: %s has mode %o", name, c.Dst, c.FileInfo.Mode)
			}
			if c.Src != "" && !strings.HasPrefix(c.Src, "${STAGE}/") {
				if _, err := os.Stat("../" + c.Src); err != nil {
					t.Error(err)
				}
			}
		}
		for _, s := range p.Scripts {
			if _, err := os.Stat("../" + s); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestUser: the package makes the user that its sysusers.d(5) file names.
func TestUser(t *testing.T) {
	for line := range strings.Lines(read(t, "sysusers/dotm.conf")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !strings.Contains(read(t, "nfpm/dotm.preinstall.sh"), "'"+line+"'") {
			t.Errorf("nfpm/dotm.preinstall.sh doesn't say %s", line)
		}
	}
}

// TestSign: what sign.sh signs is verified by gpg, which refuses it once it was changed; a
// wrong passphrase, no key and several keys are refused.
func TestSign(t *testing.T) {
	need.Programs(t, "gpg", "gpgconf")
	dir, home := t.TempDir(), t.TempDir()
	run := func(name string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "SIGNING_KEY="+dir+"/secret.asc", "SIGNING_PASSPHRASE=correct horse")
		if i := slices.Index(args, "--with"); i >= 0 {
			cmd.Env = append(cmd.Env, args[i+1:]...)
			cmd.Args = cmd.Args[:i+1]
		}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) {
		t.Helper()
		if out, err := run(name, args...); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() }) //nolint:noctx // the test's is over
	sums := dir + "/SHA256SUMS"
	if err := os.WriteFile(sums, []byte("0c5f  dotm.deb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must("./testkey.sh", dir+"/secret.asc")
	must("./sign.sh", dir)
	if public := read(t, dir+"/dotm.asc"); !strings.Contains(public, "PUBLIC KEY") || strings.Contains(public, "PRIVATE") {
		t.Errorf("the public key is\n%s", public)
	}
	must("gpg", "--batch", "--import", dir+"/dotm.asc")
	must("gpg", "--batch", "--verify", sums+".asc", sums)
	if err := os.WriteFile(sums, []byte("ffff  dotm.deb\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := run("gpg", "--batch", "--verify", sums+".asc", sums); err == nil || !strings.Contains(out, "BAD signature") {
		t.Errorf("checksums that were changed: %v\n%s", err, out)
	}
	if out, err := run("./sign.sh", dir, "--with", "SIGNING_PASSPHRASE=wrong"); err == nil {
		t.Errorf("a wrong passphrase: %s", out)
	}
	if out, err := run("./sign.sh", dir, "--with", "SIGNING_KEY=/nowhere"); err == nil || !strings.Contains(out, "is no file with a key") {
		t.Errorf("no key: %v\n%s", err, out)
	}
	if out, err := run("./sign.sh", dir, "--with", "SIGNING_KEY="+dir+"/dotm.asc"); err == nil || !strings.Contains(out, "must hold one secret key, holds 0") {
		t.Errorf("a public key: %v\n%s", err, out)
	}
	for _, name := range []string{"dotm", "dotm-agent"} {
		var p struct {
			Deb, RPM struct {
				Signature struct {
					File string `yaml:"key_file"`
				}
			}
		}
		if err := yaml.Unmarshal([]byte(read(t, "nfpm/"+name+".yaml")), &p); err != nil || p.Deb.Signature.File != "${SIGNING_KEY}" || p.RPM.Signature.File != "${SIGNING_KEY}" {
			t.Errorf("%s is signed by %+v, %v", name, p, err)
		}
	}
}

// TestGoreleaser: a release is what make packages makes, and all of it.
func TestGoreleaser(t *testing.T) {
	var r struct {
		Dist     string
		Before   struct{ Hooks []string }
		Builds   []struct{ Skip bool }
		Checksum struct{ Disable bool }
		Release  struct {
			Files []struct{ Glob string } `yaml:"extra_files"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.goreleaser.yaml")), &r); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Before.Hooks, []string{"make packages"}) || len(r.Builds) != 1 || !r.Builds[0].Skip || !r.Checksum.Disable {
		t.Errorf("goreleaser builds something itself: %+v", r)
	}
	if dist := regexp.MustCompile(`\$\{DIST:=(\w+)\}`).FindStringSubmatch(read(t, "build.sh")); dist == nil || len(r.Release.Files) != 1 || r.Release.Files[0].Glob != dist[1]+"/*" || r.Dist == dist[1] {
		t.Errorf("build.sh builds into %q; goreleaser uploads %v, and empties %s", dist, r.Release.Files, r.Dist)
	}
}
