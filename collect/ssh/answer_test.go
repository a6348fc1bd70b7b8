package ssh

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/collect"
)

// made writes an answer of sections: name, text and status, three by three.
func made(parts ...string) string {
	var b strings.Builder
	b.WriteString("@dotm-ssh 1 w0rd\n")
	for i := 0; i+2 < len(parts); i += 3 {
		b.WriteString("@dotm-ssh w0rd " + parts[i] + "\n" + parts[i+1] + "\n@dotm-ssh w0rd ended " + parts[i+2] + "\n")
	}
	return b.String() + "@dotm-ssh w0rd end\n"
}

// plainSections gives name → text for those that ended well, name → "!" for
// the others.
func plainSections(a *answer) map[string]string {
	got := map[string]string{}
	for name, s := range a.sections {
		got[name] = string(s.text)
		if s.status != 0 {
			got[name] = "!"
		}
	}
	return got
}

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       map[string]string
	}{
		{"sections", made("host", "db1\n", "0", "user", "1000\n", "0"), map[string]string{"host": "db1\n", "user": "1000\n"}},
		{"no line end", made("host", "db1", "0"), map[string]string{"host": "db1"}},
		{"a shell's greeting before it", "Welcome!\nHave fun.\n" + made("host", "db1\n", "0"), map[string]string{"host": "db1\n"}},
		{"an empty section", made("ss", "", "0"), map[string]string{"ss": ""}},
		{"a command that failed", made("ss", "x", "127"), map[string]string{"ss": "!"}},
		{"a second try", made("machine", "", "1", "machine", "abc", "0"), map[string]string{"machine": "abc"}},
		{"a try after one that did", made("machine", "abc", "0", "machine", "", "1"), map[string]string{"machine": "abc"}},
		{"nothing but the frame", made(), map[string]string{}},
		{
			"another word feigns a section", made("ss", "a\n@dotm-ssh wrong host\nevil\n@dotm-ssh wrong ended 0\nb", "0"),
			map[string]string{"ss": "a\n@dotm-ssh wrong host\nevil\n@dotm-ssh wrong ended 0\nb"},
		},
		{"something between two sections", strings.Replace(made("host", "a", "0"), "@dotm-ssh w0rd end\n", "noise\n@dotm-ssh w0rd end\n", 1), map[string]string{"host": "a"}},
		{"something after the end", made("host", "a", "0") + "logout\n", map[string]string{"host": "a"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := readAnswer([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, plainSections(a)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadAnswerRefuses(t *testing.T) {
	whole := made("host", "db1", "0", "ss", "Netid", "0")
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", `printed something else: ""`},
		{"another program", "This account is currently not available.\n", "must be what dotm node ssh-command prints"},
		{"another version", strings.Replace(whole, "@dotm-ssh 1 ", "@dotm-ssh 2 ", 1), `form "2", not 1: update the command=`},
		{"no Linux", "@dotm-ssh 1\n@dotm-ssh host\n", "only Linux is understood"},
		{"a word of two", "@dotm-ssh 1 a b\n", "must end with a word"},
		{"a long word", "@dotm-ssh 1 " + strings.Repeat("a", 65) + "\n", "must end with a word"},
		{"no end", strings.TrimSuffix(whole, "@dotm-ssh w0rd end\n"), "its end is missing"},
		{"cut within a section", whole[:len(whole)-40], `the end of section "ss" is missing`},
		{"no status", strings.Replace(whole, "ended 0", "ended well", 1), `section "host" must end with a status, not "well"`},
		{"many sections", made(manySections(65)...), "more than 64 sections"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAnswer([]byte(c.text))
			if !errors.Is(err, collect.ErrUnreadable) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want one with %q", err, c.want)
			}
		})
	}
}

func manySections(n int) (parts []string) {
	for i := range n {
		parts = append(parts, strings.Repeat("x", i+1), "", "0")
	}
	return parts
}

// TestRights: who listed the sockets decides what shows.
func TestRights(t *testing.T) {
	for _, c := range []struct {
		name         string
		parts        []string
		all, refused bool
	}{
		{"an ordinary user", []string{"user", "1000", "0", "ss", "", "0"}, false, false},
		{"root", []string{"user", "0", "0", "ss", "", "0"}, true, false},
		{"sudo", []string{"user", "1000", "0", "sudo-ss", "", "0"}, true, false},
		{"sudo of netstat", []string{"user", "1000", "0", "sudo-netstat", "", "0"}, true, false},
		{"sudo refused", []string{"user", "1000", "0", "sudo-ss", "", "1", "ss", "", "0"}, false, true},
		{"nobody said who", []string{"ss", "", "0"}, false, false},
	} {
		a, err := readAnswer([]byte(made(c.parts...)))
		if err != nil {
			t.Fatal(err)
		}
		if a.seesAll() != c.all || a.sudoRefused() != c.refused {
			t.Errorf("%s: sees all %t, refused %t", c.name, a.seesAll(), a.sudoRefused())
		}
	}
}

// FuzzReadAnswer: whatever a node prints is read or refused, and what is read
// was printed.
func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(made("host", "db1", "0", "ss", "Netid State", "0")))
	f.Add([]byte("motd\n" + made("machine", "", "1", "machine", "3d12", "0")))
	f.Add([]byte("@dotm-ssh 1 w\n@dotm-ssh w ended 0\n@dotm-ssh w end"))
	f.Add([]byte("@dotm-ssh 1 w\n@dotm-ssh w \n@dotm-ssh w ended 0\n@dotm-ssh w end"))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := readAnswer(text)
		if (err == nil) == (a == nil) {
			t.Fatalf("both or neither: %v %v", a, err)
		}
		if err != nil {
			if !errors.Is(err, collect.ErrUnreadable) {
				t.Fatal(err)
			}
			return
		}
		total := 0
		for name, s := range a.sections {
			total += len(name) + len(s.text)
		}
		if total > len(text) {
			t.Fatalf("%d bytes became %d", len(text), total)
		}
	})
}

// TestCommandFits: the command stands unchanged in authorized_keys, and every
// login shell hands it to sh as it is.
func TestCommandFits(t *testing.T) {
	for _, command := range []string{Command, CommandWithoutSudo} {
		inner, ok := strings.CutPrefix(command, "sh -c '")
		inner, end := strings.CutSuffix(inner, "'")
		if !ok || !end || strings.ContainsAny(inner, "'\"\\!%\n`") {
			t.Errorf("%s holds what a shell or authorized_keys takes for its own", command)
		}
	}
}

// TestCommandIsDocumented: the page that people copy from has it to the letter.
func TestCommandIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/collecting.md")
	must(t, err)
	for _, want := range []string{Command, "dotm " + SudoPrivilege} {
		if !strings.Contains(string(page), "   "+want+"\n") {
			t.Errorf("docs/collecting.md does not have %s", want)
		}
	}
}

// TestCommandRuns: every shell that is here runs it, and prints the same
// sections.
func TestCommandRuns(t *testing.T) {
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"dash"}, {"busybox", "sh"}, {"ksh"}, {"mksh"}, {"zsh"}, {"csh"}, {"tcsh"}, {"fish"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			path, err := exec.LookPath(shell[0])
			if err != nil {
				t.Skip(shell[0] + " is not installed")
			}
			cmd := exec.CommandContext(t.Context(), path, append(shell[1:], "-c", CommandWithoutSudo)...)
			var complaints strings.Builder
			cmd.Stderr = &complaints
			out, err := cmd.Output()
			if err != nil || complaints.Len() > 0 {
				t.Fatalf("%v: %s", err, complaints.String())
			}
			a, err := readAnswer(out)
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			host, _ := os.Hostname()
			if a.word("host") != host || a.word("user") == "" || a.word("ports") == "" {
				t.Errorf("got %v", plainSections(a))
			}
			if a.sudoRefused() {
				t.Error("sudo was tried")
			}
		})
	}
}
