package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/devops-trouble-map/dotm/test/need"
)

func model(t *testing.T) *kong.Node {
	t.Helper()
	k, err := kong.New(&cli{}, kong.Name("dotm"))
	if err != nil {
		t.Fatal(err)
	}
	return k.Model.Node
}

// TestComplete: what may come next, by what stands there.
func TestComplete(t *testing.T) {
	root := model(t)
	for _, tt := range []struct {
		line string // a space at its end begins a new word
		want string // exactly these; with … at least these
	}{
		{"ser", "serve"},
		{"token ", "api create embed list remove"},
		{"token cr", "create"},
		{"token create --u", "--uses"},
		{"completion ", "bash zsh fish"},
		{"completion z", "zsh"},
		{"export --level ", "service node pool group"},
		{"export --level p", "pool"},
		{"export --level=p", "pool"},
		{"export --level = p", "pool"}, // as bash takes it apart
		{"export --level =", "service node pool group"},
		{"export --level pool m", "mermaid markdown"},
		{"export svg ", ""},
		{"serve --data ", ":dirs"},
		{"serve --data=/v", ":dirs"},
		{"serve --config ", ":files"},
		{"serve --listen 127.0.0.1 : 4849 --conf", "--config"}, // the same
		{"serve --listen ", ""},
		{"serve --insecure --re", "--redis --redis-password-file --redis-ca-file --redis-compat --record"},
		{"agents --ser", "--server --server-ca"}, // of the command that it stands for
		{"agents ", "list revoke"},
		{"config check ", ":files"},
		{"config check a ", ""},
		{"impact a b ", ""},
		{"export -- ", "svg dot mermaid graphml drawio markdown csv json plantuml structurizr backstage netbox icinga2-dependencies nagios-dependencies icinga-business-process"},
		{"export -o ", ":files"},
		{"nonsense --", "--help --json"},
		{"ma", "map"}, // what is hidden isn't told
		{"com", ""},
	} {
		var got []string
		for _, c := range complete(root, strings.Split(tt.line, " ")) {
			word, _, _ := strings.Cut(c, "\t")
			got = append(got, word)
		}
		want := strings.Fields(tt.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("dotm %s completes to %v, want %v", tt.line, got, want)
		}
	}
}

// shell runs a script in a folder where dotm is this test's program.
func shell(t *testing.T, argv ...string) string {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// As what testscript.Main runs commands by.
	if err := os.Symlink(self, filepath.Join(bin, "dotm")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"site plan.yaml", "site.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "site.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "TERM=dumb")
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.Output()
	if err != nil || errOut.Len() > 0 {
		t.Fatalf("%v: %v\n%s%s", argv, err, out, &errOut)
	}
	return strings.TrimSpace(string(out))
}

// TestBashCompletes loads the script in bash and lets it complete lines, taken
// apart as bash does.
func TestBashCompletes(t *testing.T) {
	bash := need.Program(t, "bash")
	for _, tt := range []struct{ words, want string }{
		{`tok`, "token"},
		{`token create --us`, "--uses"},
		{`export --level = p`, "pool"},
		{`serve --data si`, "site.d"},
		{`serve --config = si`, "site plan.yaml|site.d|site.txt"},
		{`config check "site p"`, "site plan.yaml"},
	} {
		script := `set -u; source <(dotm completion bash); complete -p dotm >/dev/null
			COMP_WORDS=(dotm ` + tt.words + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _dotm; printf '%s\n' "${COMPREPLY[@]-}"`
		got := strings.Split(shell(t, bash, "--norc", "-c", script), "\n")
		slices.Sort(got)
		if joined := strings.Join(got, "|"); joined != tt.want {
			t.Errorf("dotm %s completes to %s, want %s", tt.words, joined, tt.want)
		}
	}
}

// TestFishCompletes does the same in fish, which needs no help to be asked.
func TestFishCompletes(t *testing.T) {
	fish := need.Program(t, "fish")
	for _, tt := range []struct{ line, want string }{
		{"dotm tok", "token\tMake, list and end the tokens with which agents enrol, and those of scripts."},
		{"dotm export --level=p", "--level=pool"},
		{"dotm serve --data si", "site.d/"},
		{"dotm serve --data=si", "--data=site.d/"},
	} {
		got := shell(t, fish, "--no-config", "-c", `dotm completion fish | source; complete -C `+"'"+tt.line+"'")
		if first, _, _ := strings.Cut(got, "\n"); strings.TrimSpace(first) != tt.want && !strings.HasPrefix(first, tt.want+"\t") {
			t.Errorf("%s completes to %q, want %q", tt.line, got, tt.want)
		}
	}
}

// TestZshReads: zsh finds nothing wrong with its script, and completes by it.
func TestZshReads(t *testing.T) {
	zsh := need.Program(t, "zsh")
	script := `autoload -Uz compinit && compinit -u -D; source <(dotm completion zsh); print ${_comps[dotm]}
		words=(dotm export --level=p) CURRENT=3
		compset() { return 0 }; _describe() { print "$1: ${(P)2}" }; _dotm`
	if got := shell(t, zsh, "-f", "-c", script); got != "_dotm\ndotm: pool:" {
		t.Errorf("zsh says %q", got)
	}
}
