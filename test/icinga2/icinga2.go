// Package icinga2 starts a real Icinga 2 for tests, with its API over TLS and with
// Livestatus over TCP and a unix socket. It lives on free ports of loopback and in
// a folder of its own, knows the hosts of [Hosts] with their checks, and ends with
// the test. What a check finds is set while it runs ([Server.Set]). With [StartOn] it
// lives on a host of a test, and checks what that has it check.
package icinga2

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/need"
)

// NodeName is what the certificate of every server is for.
const NodeName = "icinga-test"

// Password is that of every login.
const Password = "secret-of-tests"

// The logins of the API.
const (
	Admin    = "admin"    // may do everything
	User     = "dotm"     // reads all there is, sees every event, and acknowledges
	Reader   = "reader"   // reads hosts, services and status; StateChange is its only event
	Guest    = "guest"    // reads the host web1, and nothing else
	Observer = "observer" // reads the status, and nothing else
)

// Server is one Icinga 2. It can be stopped and started ([Server.Again],
// [Server.Restart]) and made to hang.
type Server struct {
	daemon.Daemon
	URL        string // of the API: https://127.0.0.1:port
	CAFile     string // who signed its certificate
	Livestatus string // tcp://127.0.0.1:port
	Socket     string // unix:///path, Livestatus as well
	Dir        string

	place   Place
	account *syscall.Credential
	http    *http.Client
}

// Place is where a server lives, and what it checks there.
type Place struct {
	// Host is a machine of a test; nil is this one.
	Host Host
	// Address is where its API listens, with the port; empty is a free port of loopback.
	Address string
	// Objects are its hosts and checks in the language of Icinga 2, with the commands
	// that they run; empty are those of [Hosts].
	Objects string
}

// Host is a machine of a test: what is started and dialled on it is there. It has the
// files of this one.
type Host interface {
	Do(f func() error) error
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Start starts a server. Its checks begin to run; see [Server.Settle].
func Start(t testing.TB) *Server {
	t.Helper()
	return StartOn(t, Place{})
}

// StartOn starts a server somewhere else, or with other checks.
func StartOn(t testing.TB, place Place) *Server {
	t.Helper()
	s := &Server{account: account(t), place: place}
	dir, err := os.MkdirTemp("", "icinga2-") // not t.TempDir: only its owner may enter that
	if err != nil {
		t.Fatal(err)
	}
	s.Dir = dir
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("%s\n%s", s.URL, s.Log())
		}
		_ = os.RemoveAll(dir)
	})
	s.lay(t)
	s.Again(t)
	return s
}

// account is the one to run as. The test is skipped where Icinga 2 can't be started.
func account(t testing.TB) *syscall.Credential {
	t.Helper()
	need.Programs(t, "icinga2")
	a, err := daemon.Account("nagios")
	if err != nil {
		need.Lacks(t, err.Error())
	}
	if os.Getuid() != 0 {
		need.Lacks(t, "icinga2 is started as its account, which needs root")
	}
	return a
}

// lay puts everything into the folder that the server needs.
func (s *Server) lay(t testing.TB) {
	t.Helper()
	ports := daemon.FreePorts(t, 2)
	if s.place.Address == "" {
		s.place.Address = "127.0.0.1:" + ports[0]
	}
	s.URL = "https://" + s.place.Address
	s.Livestatus = "tcp://127.0.0.1:" + ports[1]
	s.Socket = "unix://" + filepath.Join(s.Dir, "run", "live.sock")
	s.CAFile = filepath.Join(s.Dir, "data", "certs", "ca.crt")
	for _, dir := range []string{"etc", "data/certs", "log", "cache", "spool", "run", "flap"} {
		s.must(t, os.MkdirAll(filepath.Join(s.Dir, dir), 0o755))
	}
	for name, text := range certificates(t, s.account) {
		s.write(t, filepath.Join("data/certs", name), text)
	}
	if s.place.Objects == "" {
		s.place.Objects = s.scene()
		s.write(t, "check", strings.ReplaceAll(checkScript, "DIR", s.Dir))
		s.must(t, os.Chmod(filepath.Join(s.Dir, "check"), 0o755))
		for _, c := range checks() {
			s.Set(t, c.file(), c.code, c.text)
		}
	}
	s.write(t, "etc/icinga2.conf", s.configuration(ports[1])+s.place.Objects)
	s.must(t, filepath.WalkDir(s.Dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(s.account.Uid), int(s.account.Gid))
	}))
	s.must(t, os.Chmod(s.Dir, 0o755))
	s.http = s.client(t)
}

func (s *Server) must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Server) write(t testing.TB, name, text string) {
	t.Helper()
	s.must(t, os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o644))
}

// client is one for the API that trusts the server by its CA.
func (s *Server) client(t testing.TB) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	s.must(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: NodeName}, DisableKeepAlives: true}
	if s.place.Host != nil {
		transport.DialContext = s.place.Host.Dial
	}
	return &http.Client{Timeout: daemon.Patience, Transport: transport}
}

// pki are the certificates that Icinga 2 makes itself, once for all servers of a
// test program: that takes seconds.
var pki struct {
	once  sync.Once
	files map[string]string
	err   error
}

// certificates are those of a server, as its own setup makes them: signed by a CA
// of its own, for [NodeName] and no IP address.
func certificates(t testing.TB, account *syscall.Credential) map[string]string {
	t.Helper()
	pki.once.Do(func() { pki.files, pki.err = makeCertificates(account) })
	if pki.err != nil {
		t.Fatal(pki.err)
	}
	return pki.files
}

func makeCertificates(account *syscall.Credential) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "icinga2-pki-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chown(dir, int(account.Uid), int(account.Gid)); err != nil {
		return nil, err
	}
	cmd := exec.Command("icinga2", append([]string{"api", "setup", "--cn", NodeName}, folders(dir)...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	out, setupErr := cmd.CombinedOutput() // it complains of the configuration that isn't there
	files := map[string]string{}
	for _, name := range []string{"ca.crt", NodeName + ".crt", NodeName + ".key"} {
		text, err := os.ReadFile(filepath.Join(dir, "data", "certs", name))
		if err != nil {
			return nil, fmt.Errorf("icinga2 api setup: %w, %w\n%s", err, setupErr, out)
		}
		files[name] = string(text)
	}
	return files, nil
}

// folders are the options that keep a server within dir.
func folders(dir string) (options []string) {
	for _, d := range [][2]string{
		{"ConfigDir", "etc"}, {"DataDir", "data"}, {"LogDir", "log"}, {"CacheDir", "cache"}, {"SpoolDir", "spool"}, {"InitRunDir", "run"},
	} {
		options = append(options, "-D", d[0]+"="+filepath.Join(dir, d[1]))
	}
	return append(options, "-D", "NodeName="+NodeName, "-D", "ZoneName="+NodeName)
}

// Again starts the server, also after Stop, with what it kept.
func (s *Server) Again(t testing.TB) {
	t.Helper()
	cmd := exec.Command("icinga2", append([]string{"daemon", "-c", filepath.Join(s.Dir, "etc", "icinga2.conf")}, folders(s.Dir)...)...)
	log := filepath.Join(s.Dir, "log", "out")
	if s.place.Host == nil {
		s.Run(t, cmd, log, s.account)
	} else {
		s.RunOn(t, s.place.Host.Do, cmd, log, s.account)
	}
	daemon.WaitFor(t, "icinga2 at "+s.URL, func() bool {
		_, err := s.try(http.MethodGet, "/v1/status/IcingaApplication", nil)
		return err == nil
	})
	daemon.WaitFor(t, "Livestatus at "+s.Livestatus, func() bool {
		conn, err := net.Dial("unix", strings.TrimPrefix(s.Socket, "unix://"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Restart stops the server and starts it again, with what it kept.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.Again(t)
}

// API asks the server's API as [Admin], and fails the test if it refuses; body is
// nil or becomes JSON.
func (s *Server) API(t testing.TB, method, path string, body any) []byte {
	t.Helper()
	answer, err := s.try(method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// try asks the API. Methods that have no body elsewhere are told by a header.
func (s *Server) try(method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, s.URL+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-HTTP-Method-Override", method)
	req.SetBasicAuth(Admin, Password)
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s\n%s", method, path, resp.Status, answer)
	}
	return answer, err
}
