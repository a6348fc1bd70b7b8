package htpasswd

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/devops-trouble-map/dotm/auth"
	"github.com/devops-trouble-map/dotm/test/need"
)

// hashed is a hash of a password, as cheap as there is.
func hashed(t testing.TB, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// on is a file with a clock and a log.
type on struct {
	*File
	path string
	now  time.Time
	log  *bytes.Buffer
}

func opened(t *testing.T, text string) *on {
	t.Helper()
	o := &on{path: filepath.Join(t.TempDir(), "users"), now: noon, log: &bytes.Buffer{}}
	o.write(t, text)
	var err error
	grants := auth.Grants{By: map[string]auth.Role{"anna": auth.Admin}, Default: auth.Viewer}
	o.File, err = open(&File{path: o.path, least: bcrypt.MinCost, grants: grants, log: slog.New(slog.NewTextHandler(o.log, nil)), now: func() time.Time { return o.now }})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *on) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(o.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFile(t *testing.T) {
	anna, bob := hashed(t, "one password"), strings.Replace(hashed(t, "another"), "$2a$", "$2y$", 1) // as htpasswd writes it
	o := opened(t, "# people\n\nanna:"+anna+":a comment\r\nbob:"+bob)
	for _, tt := range []struct {
		name, password string
		want           bool
	}{
		{"anna", "one password", true},
		{"bob", "another", true},
		{"bob", "one password", false},
		{"anna", anna, false},
		{"nobody", "", false},
	} {
		if got := o.Fits(tt.name, tt.password); got != tt.want {
			t.Errorf("%s with %q: %t", tt.name, tt.password, got)
		}
	}
	if role, mark := o.Look("anna"); role != auth.Admin || mark == "" || strings.Contains(anna, mark) {
		t.Errorf("%s %s", role, mark)
	}
	if role, _ := o.Look("bob"); role != auth.Viewer {
		t.Error(role)
	}
	if role, mark := o.Look("nobody"); role != "" || mark != "" {
		t.Errorf("%s %s", role, mark)
	}
}

// TestReload: what changes counts within a second, and what is broken doesn't.
func TestReload(t *testing.T) {
	first := hashed(t, "first password")
	o := opened(t, "anna:"+first+"\n")
	_, before := o.Look("anna")
	o.write(t, "anna:"+hashed(t, "second password")+"\nbob:"+first+"\n")
	if !o.Fits("anna", "first password") {
		t.Error("it is read at every login")
	}
	o.now = o.now.Add(recheck)
	if o.Fits("anna", "first password") || !o.Fits("anna", "second password") || !o.Fits("bob", "first password") {
		t.Error("what changed doesn't count")
	}
	if _, after := o.Look("anna"); after == before {
		t.Error("the mark stays when the password changes")
	}
	o.write(t, "anna:$apr1$x$y\n")
	for range 3 {
		o.now = o.now.Add(recheck)
		if !o.Fits("anna", "second password") {
			t.Error("what is broken is in force")
		}
	}
	if n := strings.Count(o.log.String(), "can't be read again"); n != 1 || !strings.Contains(o.log.String(), "it is MD5") {
		t.Errorf("the log says it %d times: %s", n, o.log)
	}
	if err := os.Remove(o.path); err != nil {
		t.Fatal(err)
	}
	o.now = o.now.Add(recheck)
	if !o.Fits("anna", "second password") {
		t.Error("a file that is being replaced locks everybody out")
	}
	o.write(t, "")
	o.now = o.now.Add(recheck)
	if o.Fits("anna", "second password") {
		t.Error("who was taken out is still in")
	}
}

func TestBadFiles(t *testing.T) {
	fine := strings.Replace(hashed(t, "x"), "$04$", "$10$", 1) // its form is what counts
	for text, want := range map[string]string{
		"anna":                                "line 1 is not valid: it must be like name:hash",
		":" + fine:                            "line 1 is not valid",
		"\xff:" + fine:                        "line 1 is not valid",
		strings.Repeat("x", 256) + ":" + fine: "line 1 is not valid",
		"a:" + fine + "\n#\na:" + fine:        `line 3 is not valid: user "a" is there already`,
		"a:$apr1$salt$hash":                   `line 1, user "a": hash is not valid: it is MD5, which is guessed too quickly: set the password again with htpasswd -B -C 12`,
		"a:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=": "it is SHA-1",
		"a:$6$salt$hash":                      "it is SHA-512 of crypt(3)",
		"a:$5$salt$hash":                      "it is SHA-256 of crypt(3)",
		"a:rqXexS6ZhobKA":                     "perhaps crypt(3) or the password itself",
		"a:secret":                            "perhaps crypt(3) or the password itself",
		"a:":                                  "it must be bcrypt",
		"a:" + fine[:59]:                      "hash is not valid",
		"a:" + fine + "x":                     "bcrypt has 60 characters, this has 61",
		"a:" + strings.Replace(fine, "$10$", "$05$", 1): "the cost of bcrypt must be 10 to 14, is 5",
		"a:" + strings.Replace(fine, "$10$", "$15$", 1): "the cost of bcrypt must be 10 to 14, is 15",
	} {
		_, err := parse([]byte(text), MinCost)
		if !errors.Is(err, auth.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
		if _, hash, _ := strings.Cut(text, ":"); len(hash) > 5 && err != nil && strings.Contains(err.Error(), hash) {
			t.Errorf("%v repeats the hash", err)
		}
	}
	path := filepath.Join(t.TempDir(), "none")
	if _, err := Open(path, auth.Grants{}, slog.Default(), time.Now); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(path, make([]byte, maxBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, auth.Grants{}, slog.Default(), time.Now); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
		t.Errorf("%v", err)
	}
	if _, err := Open(path, auth.Grants{Default: "root"}, slog.Default(), time.Now); !errors.Is(err, auth.ErrInvalid) {
		t.Errorf("%v", err)
	}
}

// TestReal reads what Apache's own program writes.
func TestReal(t *testing.T) {
	program := need.Program(t, "htpasswd")
	path := filepath.Join(t.TempDir(), "users")
	make := func(arguments ...string) error {
		return exec.CommandContext(t.Context(), program, arguments...).Run()
	}
	if err := make("-cbBC", "4", path, "anna", "one password"); err != nil {
		t.Fatal(err)
	}
	f, err := open(&File{path: path, least: bcrypt.MinCost, grants: auth.Grants{Default: auth.Viewer}, log: slog.Default(), now: time.Now})
	if err != nil || !f.Fits("anna", "one password") || f.Fits("anna", "another") {
		t.Fatalf("%v", err)
	}
	for flag, want := range map[string]string{"-bm": "it is MD5", "-bs": "it is SHA-1", "-bd": "perhaps crypt(3)", "-bp": "the password itself", "-bB": "is 5 (htpasswd -B -C 12)"} {
		if err := make(flag+"c", path, "bob", "secret12"); err != nil {
			t.Fatalf("%s: %v", flag, err)
		}
		if _, err := Open(path, auth.Grants{}, slog.Default(), time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
	}
}

// FuzzParse: whatever stands there, it is read or refused, and what is read is
// bcrypt.
func FuzzParse(f *testing.F) {
	fine := hashed(f, "x")
	f.Add([]byte("a:" + fine + "\n# c\nb:" + fine + ":c\r\n"))
	f.Add([]byte("a:{SHA}x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		users, err := parse(raw, bcrypt.MinCost)
		if err != nil && !errors.Is(err, auth.ErrInvalid) {
			t.Fatal(err)
		}
		for name, hash := range users {
			if name == "" || strings.Contains(name, ":") || !strings.HasPrefix(hash, "$2") || len(hash) != 60 {
				t.Errorf("%q has %q", name, hash)
			}
		}
	})
}
