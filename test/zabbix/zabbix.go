// Package zabbix starts a real Zabbix for tests: PostgreSQL, the server, and the
// frontend with its API. They live on free ports of loopback and in a folder of
// their own, know the hosts and triggers of [Server.Settle], and end with the test.
// What a trigger finds is set while they run ([Server.Set]).
package zabbix

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
)

// The users. All but Admin see what their group lets them.
const (
	Admin  = "Admin"  // may do everything
	User   = "dotm"   // reads all hosts, and acknowledges
	Reader = "reader" // reads all hosts but the one that measures Zabbix, and may not acknowledge
	Guest  = "guest2" // reads no host
	Mute   = "mute"   // reads all hosts, but not by the API

	AdminPassword = "zabbix"
	Password      = "Secret-of-tests-7" // of all others
)

// where Debian's packages put things.
const (
	files = "/usr/share/zabbix"
	sql   = "/usr/share/zabbix-server-pgsql"
)

// Server is one Zabbix. Its server, which does the work, can be stopped and started
// ([Server.Stop], [Server.Run], [Server.Restart]) and made to hang ([Server.Hang],
// [Server.Resume]); the frontend then goes on.
type Server struct {
	URL     string // of the frontend: http://127.0.0.1:port
	Trapper string // where values are sent to: 127.0.0.1:port
	Dir     string
	Tokens  map[string]string // of the API, by user

	address       string // of the database: port
	psql          string
	agent         *agent
	session       string // of Admin
	zabbix, owner *syscall.Credential

	server, frontend, database daemon.Daemon
}

// Start starts a Zabbix with its hosts; see [Server.Settle].
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{Tokens: map[string]string{}}
	s.need(t)
	dir, err := os.MkdirTemp("", "zabbix-") // not t.TempDir: only its owner may enter that
	s.must(t, err)
	s.Dir = dir
	t.Cleanup(func() {
		s.Stop()
		s.frontend.Stop()
		s.StopDatabase()
		if t.Failed() {
			t.Log(s.URL)
			for _, name := range []string{"server.log", "server.out", "frontend.out"} {
				t.Logf("%s:\n%s", name, daemon.Tail(filepath.Join(dir, "run", name)))
			}
		}
		_ = os.RemoveAll(dir)
	})
	s.must(t, os.Chmod(dir, 0o755))
	for name, of := range map[string]*syscall.Credential{"run": s.zabbix, "db": s.owner} {
		s.must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		s.must(t, os.Chown(filepath.Join(dir, name), int(of.Uid), int(of.Gid)))
	}
	ports := freePorts(t, 3)
	s.URL, s.Trapper, s.address = "http://127.0.0.1:"+ports[0], "127.0.0.1:"+ports[1], ports[2]
	s.agent = startAgent(t)
	s.layDatabase(t)
	s.layFrontend(t, ports[0], ports[1])
	s.layServer(t, ports[1])
	s.configure(t)
	s.Run(t)
	return s
}

// need skips the test unless DOTM_REQUIRE_ZABBIX=1 asks for it: then it fails where
// Zabbix can't be started, and says what is missing. It is not among what
// DOTM_REQUIRE_REAL=all asks for: its packages are many, and a test takes minutes, as
// Zabbix itself is slow to say that a server hangs.
func (s *Server) need(t testing.TB) {
	t.Helper()
	if os.Getenv("DOTM_REQUIRE_ZABBIX") != "1" {
		t.Skip("needs a real Zabbix and some minutes: DOTM_REQUIRE_ZABBIX=1 runs it")
	}
	if err := s.find(); err != nil {
		t.Fatal(err)
	}
}

// find looks for all that is needed.
func (s *Server) find() error {
	for _, n := range []struct{ path, pkg string }{
		{"/usr/sbin/zabbix_server", "zabbix-server-pgsql"},
		{sql + "/schema.sql.gz", "zabbix-server-pgsql"},
		{files + "/api_jsonrpc.php", "zabbix-frontend-php"},
		{"/usr/bin/php", "php-cli"},
		{"/usr/bin/psql", "postgresql"},
	} {
		if _, err := os.Stat(n.path); err != nil {
			return fmt.Errorf("zabbix is not installed: %w (Debian: %s)", err, n.pkg)
		}
	}
	if out, err := exec.Command("php", "-r", `echo extension_loaded("pgsql") && extension_loaded("mbstring") && extension_loaded("bcmath") ? "ok" : "";`).Output(); err != nil || string(out) != "ok" {
		return errors.New("PHP lacks what Zabbix needs (Debian: php-pgsql, php-mbstring, php-bcmath, php-gd, php-xml)")
	}
	bin, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(bin) == 0 {
		return errors.New("PostgreSQL is not installed (Debian: postgresql)")
	}
	s.psql = filepath.Dir(bin[len(bin)-1])
	if os.Getuid() != 0 {
		return errors.New("zabbix is started as its own account, which needs root")
	}
	var err [2]error
	s.zabbix, err[0] = daemon.Account("zabbix")
	s.owner, err[1] = daemon.Account("postgres")
	return errors.Join(err[:]...)
}

// kept are the tables whose rows Zabbix brings and needs. All others are those of the
// templates, which take a minute to be written and are not used here.
var kept = []string{
	"role", "role_rule", "users", "usrgrp", "users_groups", "hstgrp", "config", "config_autoreg_tls", "regexps", "expressions", "globalmacro", "graph_theme",
}

// layDatabase makes a database as Zabbix needs it.
func (s *Server) layDatabase(t testing.TB) {
	t.Helper()
	init := exec.Command(filepath.Join(s.psql, "initdb"), "-D", filepath.Join(s.Dir, "db"), "-A", "trust", "-U", "zabbix", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	init.Dir = "/"
	init.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s.RunDatabase(t)
	s.query(t, "postgres", "create database zabbix")
	s.query(t, "zabbix", s.unzip(t, "schema"))
	var some strings.Builder
	for _, one := range statements(s.unzip(t, "data")) {
		table, _, _ := strings.Cut(strings.TrimPrefix(one, "INSERT INTO "), " ")
		if slices.Contains(kept, table) {
			some.WriteString(one + ";\n")
		}
	}
	s.query(t, "zabbix", some.String())
}

// unzip is the text of one of the files with SQL.
func (s *Server) unzip(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(filepath.Join(sql, name+".sql.gz"))
	s.must(t, err)
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	s.must(t, err)
	text, err := io.ReadAll(z)
	s.must(t, err)
	return string(text)
}

// statements are those of a text of SQL, without the semicolon behind each. One within
// quotes ends nothing.
func statements(text string) (list []string) {
	begin, within := 0, false
	for n := range len(text) {
		switch {
		case text[n] == '\'':
			within = !within
		case text[n] == ';' && !within:
			list = append(list, strings.TrimSpace(text[begin:n]))
			begin = n + 1
		}
	}
	return list
}

// query runs SQL.
func (s *Server) query(t testing.TB, database, text string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.psql, "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", s.address, "-U", "zabbix", "-d", database)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out[max(0, len(out)-1000):])
	}
}

// layFrontend makes a copy of the frontend that reads a configuration of its own, and
// starts it.
func (s *Server) layFrontend(t testing.TB, port, trapper string) {
	t.Helper()
	web := filepath.Join(s.Dir, "web")
	_ = exec.Command("cp", "-rL", files, web).Run() // links that lead nowhere are no matter
	class := filepath.Join(web, "include", "classes", "core", "CConfigFile.php")
	text, err := os.ReadFile(class)
	s.must(t, err)
	conf := filepath.Join(web, "conf", "zabbix.conf.php")
	s.must(t, os.WriteFile(class, []byte(strings.ReplaceAll(string(text), "/etc/zabbix/zabbix.conf.php", conf)), 0o644))
	s.must(t, os.WriteFile(conf, fmt.Appendf(nil, `<?php
$DB['TYPE'] = 'POSTGRESQL';
$DB['SERVER'] = '127.0.0.1';
$DB['PORT'] = '%s';
$DB['DATABASE'] = 'zabbix';
$DB['USER'] = 'zabbix';
$DB['PASSWORD'] = '';
$DB['SCHEMA'] = '';
$DB['ENCRYPTION'] = false;
$DB['DOUBLE_IEEE754'] = true;
$ZBX_SERVER = '127.0.0.1';
$ZBX_SERVER_PORT = '%s';
$IMAGE_FORMAT_DEFAULT = IMAGE_FORMAT_PNG;
`, s.address, trapper), 0o644))
	cmd := exec.Command("php", "-d", "max_execution_time=300", "-d", "max_input_time=300", "-d", "post_max_size=16M", "-d", "date.timezone=UTC",
		"-S", "127.0.0.1:"+port, "-t", web)
	cmd.Env = append(os.Environ(), "PHP_CLI_SERVER_WORKERS=2")
	s.run(t, &s.frontend, cmd, s.zabbix, "frontend.out")
	daemon.WaitFor(t, "the API at "+s.URL, func() bool { _, err := s.try("apiinfo.version", []string{}, ""); return err == nil })
}

// layServer writes the server's configuration: it works at once, and finds at once
// that a host doesn't answer.
func (s *Server) layServer(t testing.TB, port string) {
	t.Helper()
	run := filepath.Join(s.Dir, "run")
	s.must(t, os.WriteFile(filepath.Join(s.Dir, "server.conf"), fmt.Appendf(nil, `LogFile=%[1]s/server.log
PidFile=%[1]s/server.pid
SocketDir=%[1]s
ListenIP=127.0.0.1
ListenPort=%[2]s
DBHost=127.0.0.1
DBPort=%[3]s
DBName=zabbix
DBUser=zabbix
CacheUpdateFrequency=1
Timeout=1
UnreachablePeriod=1
UnreachableDelay=1
UnavailableDelay=1
StartPollers=2
StartPollersUnreachable=1
StartTrappers=2
StartPingers=0
StartDiscoverers=0
StartHTTPPollers=0
StartPreprocessors=1
StartDBSyncers=1
StartEscalators=1
StartAlerters=1
StartLLDProcessors=1
`, run, port, s.address), 0o644))
}

// Run starts the server, again after Stop, with what it kept.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	cmd := exec.Command("zabbix_server", "-f", "-c", filepath.Join(s.Dir, "server.conf"))
	s.run(t, &s.server, cmd, s.zabbix, "server.out")
	daemon.WaitFor(t, "the Zabbix server at "+s.Trapper, func() bool {
		conn, err := net.Dial("tcp", s.Trapper)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Stop ends the server in order; frontend and database go on.
func (s *Server) Stop() { s.server.Stop() }

// Restart stops the server and starts it again, with what it kept.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.Run(t)
}

// Hang has the server do nothing, until Resume: its ports stay open.
func (s *Server) Hang() { s.server.Hang() }

// Resume ends a Hang.
func (s *Server) Resume() { s.server.Resume() }

// RunDatabase starts the database, again after StopDatabase.
func (s *Server) RunDatabase(t testing.TB) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.psql, "postgres"), "-D", filepath.Join(s.Dir, "db"), "-p", s.address, "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
	s.run(t, &s.database, cmd, s.owner, "database.out")
	daemon.WaitFor(t, "the database at "+s.address, func() bool {
		return exec.Command(filepath.Join(s.psql, "psql"), "-h", "127.0.0.1", "-p", s.address, "-U", "zabbix", "-d", "postgres", "-c", "select 1").Run() == nil
	})
}

// StopDatabase ends the database.
func (s *Server) StopDatabase() { s.database.Interrupt() }

// run starts a program as an account.
func (s *Server) run(t testing.TB, as *daemon.Daemon, cmd *exec.Cmd, account *syscall.Credential, log string) {
	t.Helper()
	cmd.Dir = "/"
	as.Run(t, cmd, filepath.Join(s.Dir, "run", log), account)
}

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freePorts are ports of loopback where nobody listens. A Zabbix server takes none
// above 32767, where the system begins to give them out.
func freePorts(t testing.TB, n int) (ports []string) {
	t.Helper()
	const from, to, tries = 20000, 32767, 1000
	for range tries {
		port := strconv.Itoa(from + rand.IntN(to-from))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		defer func() { _ = l.Close() }()
		if ports = append(ports, port); len(ports) == n {
			return ports
		}
	}
	t.Fatal("no port is free")
	return nil
}
