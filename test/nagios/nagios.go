// Package nagios starts a real Nagios Core 4 for tests, with its CGIs behind a real
// Apache: six hosts and their checks in every state there is, on a free port of
// loopback and in a folder of the test. It ends with the test.
package nagios

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/need"
)

// The logins: one that sees and may all, and one that sees nothing.
const (
	User, Password           = "dotm", "dotm-secret"
	GuestUser, GuestPassword = "guest", "guest-secret"
)

// Server is a Nagios with its web server. Its daemon can be ended ([Server.Stop]),
// killed ([Server.Kill]), made to hang ([Server.Hang], [Server.Resume]), and started
// again ([Server.Restart]).
type Server struct {
	daemon.Daemon
	// URL is that of the pages, with a Basic login; DigestURL the same with a Digest
	// login, OpenURL with none.
	URL, DigestURL, OpenURL string
	// Dir is the folder of status.dat and objects.cache.
	Dir string
	// Commands is the command pipe.
	Commands string

	home string
}

// Start starts a server and waits until all that is to be checked was: the
// acknowledgement, the downtime and the flapping are there.
func Start(t testing.TB) *Server {
	t.Helper()
	need.Programs(t, "nagios4", "apache2", "htpasswd", "/usr/lib/cgi-bin/nagios4/statusjson.cgi")
	s := &Server{home: home(t)}
	s.Dir, s.Commands = filepath.Join(s.home, "var"), filepath.Join(s.home, "rw", "nagios.cmd")
	s.folders(t)
	for name, line := range states {
		s.write(t, name, line)
	}
	write(t, filepath.Join(s.home, "check"), fmt.Sprintf(checkScript, s.home), 0o755)
	write(t, filepath.Join(s.home, "objects.cfg"), strings.ReplaceAll(objects, "HOME", s.home), 0o644)
	s.configure(t)
	s.apache(t)
	s.run(t)
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			for _, name := range []string{"var/nagios.log", "apache.log", "nagios.out"} {
				t.Logf("%s:\n%s", name, daemon.Tail(filepath.Join(s.home, name)))
			}
		}
	})
	s.settle(t)
	return s
}

// home is a folder that the accounts of Nagios and Apache may enter.
func home(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func (s *Server) folders(t testing.TB) {
	t.Helper()
	for _, name := range []string{"var", "var/archives", "spool", "rw", "run", "state", "flap"} {
		dir := filepath.Join(s.home, name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			own(t, dir, "nagios", "www-data")
		}
	}
	// The web server writes into the command pipe.
	if err := os.Chmod(filepath.Join(s.home, "rw"), 0o770|os.ModeSetgid); err != nil {
		t.Fatal(err)
	}
}

func own(t testing.TB, path, name, group string) {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(g.Gid)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// configure writes the configuration of the daemon and of the CGIs.
func (s *Server) configure(t testing.TB) {
	t.Helper()
	account := "nagios"
	if os.Getuid() != 0 {
		u, err := user.Current()
		if err != nil {
			t.Fatal(err)
		}
		account = u.Username
	}
	write(t, filepath.Join(s.home, "nagios.cfg"), strings.NewReplacer("HOME", s.home, "ACCOUNT", account).Replace(daemonConfig), 0o644)
	cgi := strings.ReplaceAll(cgiConfig, "HOME", s.home)
	write(t, filepath.Join(s.home, "cgi.cfg"), cgi, 0o644)
	write(t, filepath.Join(s.home, "cgi-open.cfg"), strings.Replace(cgi, "use_authentication=1", "use_authentication=0", 1), 0o644)
	if out, err := exec.Command("nagios4", "-v", filepath.Join(s.home, "nagios.cfg")).CombinedOutput(); err != nil {
		t.Fatalf("nagios4 -v: %v\n%s", err, out)
	}
}

// apache starts the web server.
func (s *Server) apache(t testing.TB) {
	t.Helper()
	addr := daemon.FreeAddr(t)
	base := "http://" + addr
	s.URL, s.DigestURL, s.OpenURL = base+"/nagios4", base+"/digest", base+"/open"
	login(t, filepath.Join(s.home, "htpasswd"), filepath.Join(s.home, "htdigest"))
	conf := filepath.Join(s.home, "apache2.conf")
	accounts := ""
	if os.Getuid() == 0 {
		accounts = "User www-data\nGroup www-data\n"
	}
	write(t, conf, strings.NewReplacer("HOME", s.home, "ADDR", addr, "ACCOUNTS", accounts).Replace(apacheConfig), 0o644)
	var web daemon.Daemon
	web.Run(t, exec.Command("apache2", "-D", "FOREGROUND", "-f", conf), filepath.Join(s.home, "apache.log"), nil)
	t.Cleanup(web.Stop)
	daemon.WaitFor(t, "apache2 at "+addr, func() bool {
		resp, err := http.Get(base + "/")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil
	})
}

// login writes the logins, for Basic and Digest.
func login(t testing.TB, basic, digest string) {
	t.Helper()
	for i, l := range [][2]string{{User, Password}, {GuestUser, GuestPassword}} {
		args := []string{"-b", basic, l[0], l[1]}
		if i == 0 {
			args[0] = "-bc"
		}
		if out, err := exec.Command("htpasswd", args...).CombinedOutput(); err != nil {
			t.Fatalf("htpasswd: %v: %s", err, out)
		}
	}
	write(t, digest, fmt.Sprintf("%s:Nagios4:%s\n", User, md5Hex(User+":Nagios4:"+Password)), 0o644)
	for _, path := range []string{basic, digest} {
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run starts the daemon.
func (s *Server) run(t testing.TB) {
	t.Helper()
	s.Run(t, exec.Command("nagios4", filepath.Join(s.home, "nagios.cfg")), filepath.Join(s.home, "nagios.out"), nil)
}

// Restart ends the daemon, if it runs, and starts it; it remembers nothing.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.run(t)
	daemon.WaitFor(t, "status.dat", func() bool {
		_, err := os.Stat(filepath.Join(s.Dir, "status.dat"))
		return err == nil
	})
}

// Set sets what a check says from its next look on: code is 0 to 3. What is
// "web1/http", or "web1/host" for the host itself. A check looks every second, and
// twice before it believes what is bad.
func (s *Server) Set(t testing.TB, what string, code int, text string) {
	t.Helper()
	s.write(t, what, fmt.Sprintf("%d %s", code, text))
}

// write replaces the state of a check.
func (s *Server) write(t testing.TB, what, line string) {
	t.Helper()
	path := filepath.Join(s.home, "state", strings.ReplaceAll(what, "/", "_"))
	write(t, path+".new", line+"\n", 0o644)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Command gives the daemon a command of its own, without the time before it.
func (s *Server) Command(t testing.TB, command string) {
	t.Helper()
	pipe, err := os.OpenFile(s.Commands, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pipe.Close() }()
	if _, err := fmt.Fprintf(pipe, "[%d] %s\n", time.Now().Unix(), command); err != nil {
		t.Fatal(err)
	}
}

// Status is status.dat as it is now.
func (s *Server) Status() string {
	text, _ := os.ReadFile(filepath.Join(s.Dir, "status.dat"))
	return string(text)
}

// Block is the block of a check in status.dat, or of a host if name is empty.
func (s *Server) Block(host, name string) string {
	for block := range strings.SplitSeq(s.Status(), "\n\n") {
		head := "hoststatus {\n\thost_name=" + host + "\n"
		if name != "" {
			head = "servicestatus {\n\thost_name=" + host + "\n\tservice_description=" + name + "\n"
		}
		if strings.HasPrefix(block, head) {
			return block
		}
	}
	return ""
}

// settle waits until the whole scene is there.
func (s *Server) settle(t testing.TB) {
	t.Helper()
	has := func(host, name string, lines ...string) func() bool {
		return func() bool {
			block := s.Block(host, name)
			for _, l := range lines {
				if !strings.Contains(block, "\t"+l+"\n") {
					return false
				}
			}
			return true
		}
	}
	daemon.WaitFor(t, "the command pipe", func() bool { _, err := os.Stat(s.Commands); return err == nil })
	daemon.WaitFor(t, "a problem", has("web1", "Disk /var", "current_state=1", "state_type=1"))
	s.Command(t, "ACKNOWLEDGE_SVC_PROBLEM;web1;Disk /var;2;1;1;operator;cleaning up")
	now := time.Now().Unix()
	s.Command(t, fmt.Sprintf("SCHEDULE_SVC_DOWNTIME;db1;backup;%d;%d;1;0;86400;operator;is being moved", now, now+86400))
	for _, c := range []struct {
		host, name string
		lines      []string
	}{
		{"web1", "", []string{"current_state=0", "has_been_checked=1"}},
		{"gw1", "", []string{"current_state=1", "state_type=1"}},
		{"edge1", "", []string{"current_state=2", "state_type=1"}},
		{"web1", "http", []string{"current_state=0", "has_been_checked=1"}},
		{"web1", "Disk /var", []string{"problem_has_been_acknowledged=1"}},
		{"db1", "postgres", []string{"current_state=2", "state_type=1"}},
		{"db1", "replication", []string{"current_state=2", "state_type=0"}},
		{"db1", "backup", []string{"current_state=3", "scheduled_downtime_depth=1"}},
		{"cache1", "redis", []string{"has_been_checked=1"}},
		{"cache1", "load", []string{"is_flapping=1"}},
		{"cache1", "memory", []string{"current_state=1", "state_type=1"}},
		{"gw1", "ssh", []string{"current_state=2", "state_type=1"}},
		{"edge1", "https", []string{"current_state=2", "state_type=1"}},
	} {
		daemon.WaitFor(t, fmt.Sprintf("%s %s: %v", c.host, c.name, c.lines), has(c.host, c.name, c.lines...))
	}
}
