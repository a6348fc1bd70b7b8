//go:build linux

package realtest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/auth/pki"
	"github.com/devops-trouble-map/dotm/test/bed"
	"github.com/devops-trouble-map/dotm/test/bed/stage"
)

// client is one on the host that trusts the CA of a data folder, or nobody.
func (h host) client(t *testing.T, data string) *http.Client {
	t.Helper()
	roots := x509.NewCertPool()
	if raw, err := os.ReadFile(filepath.Join(data, "tls", "ca.pem")); err == nil {
		roots.AppendCertsFromPEM(raw)
	}
	transport := &http.Transport{DialContext: h.Dial, TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// post sends a body and returns the status and the answer.
func post(t *testing.T, c *http.Client, url string, body io.Reader, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw), resp.Header
}

// An agent on another host enrols, reports, is revoked while it runs, and comes
// back with a new token. The server is restarted in between.
func TestEnrolledAgent(t *testing.T) {
	web, db := twoHosts(t)
	data, state := stage.OpenDir(t), stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	server := "https://" + join(webAddress, 4849)
	agent := db.reporter(t, server, state, []string{"--token-file", web.Token(t, data)})
	agent.Says(t, "db1 reports to "+server)
	d.HeardOf(t, "db1")

	d.Terminate(t, stage.Patience)
	agent.Says(t, "not delivered", "is dotm running there?")
	d = web.ServeOthers(t, data, "--listen", all)
	d.HeardOf(t, "db1")
	agent.Says(t, "server takes reports again")

	var list struct{ Agents []struct{ ID, Name string } }
	if err := d.Get(t.Context(), "/agents", &list); err != nil || len(list.Agents) != 1 || list.Agents[0].Name != "db1" {
		t.Fatalf("%+v, %v", list, err)
	}
	web.Ask(t, "agents", "revoke", "--data", data, list.Agents[0].ID)
	agent.Says(t, "was revoked at", "enrol anew with a token of dotm token create")
	select {
	case <-agent.Ended:
		t.Error("a revoked agent gives up: its supervisor would start it again and again")
	default:
	}
	if n := strings.Count(agent.Err(), "was revoked"); n > 2 {
		t.Errorf("it says %d times that it was revoked:\n%s", n, agent.Err())
	}
	agent.Terminate(t, stage.Patience)
	again := db.reporter(t, server, state, []string{"--token-file", web.Token(t, data)})
	again.Says(t, "db1 reports to")
}

// A host that is renamed goes on to report; an agent never speaks for another.
func TestRenamedHost(t *testing.T) {
	web, db := twoHosts(t)
	data, state := stage.OpenDir(t), stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	server, token := "https://"+join(webAddress, 4849), web.Token(t, data)
	if _, err := os.Stat("/etc/machine-id"); err != nil {
		stage.Cannot(t, "this machine has no machine-id")
	}
	agent := db.reporter(t, server, state, []string{"--token-file", token})
	d.HeardOf(t, "db1")
	agent.Terminate(t, stage.Patience)
	stage.Must(t, db.Rename("db1-new"))
	agent = db.reporter(t, server, state, nil)
	d.HeardOf(t, "db1-new")
	agent.Terminate(t, stage.Patience)
	// The same identity on a host of another machine-id.
	fake := filepath.Join(stage.OpenDir(t), "agent.json")
	copyText(t, filepath.Join(state, "agent.json"), fake)
	id, secret := identity(t, fake)
	client := db.client(t, data)
	status, body, _ := post(t, client, server+"/api/v1/reports", strings.NewReader(minimal("other", "another machine")), "Authorization", "Bearer dotm1a."+id+"."+secret)
	if status != http.StatusForbidden || stage.ContainsAll(body, "db1-new", "other") != nil {
		t.Errorf("%d %s", status, body)
	}
}

func copyText(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	stage.Write(t, to, string(raw))
}

// identity reads an agent's.
func identity(t *testing.T, file string) (id, secret string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	find := func(key string) string {
		m := regexp.MustCompile(`"` + key + `": "([^"]+)"`).FindSubmatch(raw)
		if m == nil {
			t.Fatalf("no %s in %s", key, raw)
		}
		return string(m[1])
	}
	return find("id"), find("secret")
}

// minimal is a report with nothing in it.
func minimal(name, machine string) string {
	return fmt.Sprintf(`{"version":"1.0","node":{"name":%q,"identity":{"kind":"machine-id","value":%q}},"agent":{"version":"1","method":"proc"},`+
		`"sequence":1,"time":%q,"interval_ms":1000,"interfaces":[],"listeners":[],"connections":[],"coverage":{"sockets":0,"hidden_processes":0},"cost":{"cpu_us":0,"wall_us":0}}`,
		name, machine, time.Now().UTC().Format(time.RFC3339))
}

// A person follows the link of the first start, from another host.
func TestFirstLogin(t *testing.T) {
	web, db := twoHosts(t)
	data := stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	d.Says(t, "/login#setup=")
	link := regexp.MustCompile(`#setup=(\S+)`).FindStringSubmatch(d.Out())[1]
	client, api := db.client(t, data), "https://"+join(webAddress, 4849)+"/api/v1"
	resp, err := client.Get(api + "/topology")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized || resp.ProtoMajor != 2 && resp.ProtoMajor != 1 {
		t.Errorf("without a login: %s", resp.Status)
	}
	status, body, header := post(t, client, api+"/setup", strings.NewReader(`{"secret":"`+link+`","password":"a long password"}`))
	if cookie := header.Get("Set-Cookie"); status != http.StatusOK || stage.ContainsAll(cookie, "__Host-dotm=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/") != nil {
		t.Fatalf("%d %s, cookie %s", status, body, cookie)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api+"/topology", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Cookie", strings.Split(header.Get("Set-Cookie"), ";")[0])
	if resp, err = client.Do(req); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("with a login: %v %v", resp, err)
	}
	resp.Body.Close()
	if status, body, _ := post(t, client, api+"/setup", strings.NewReader(`{"secret":"`+link+`","password":"another password"}`)); status != http.StatusUnauthorized {
		t.Errorf("the link works twice: %d %s", status, body)
	}
	// A restart shows no new link: somebody can log in already.
	d.Terminate(t, stage.Patience)
	again := web.ServeOthers(t, data, "--listen", all)
	if strings.Contains(again.Out(), "setup") {
		t.Errorf("it says %s", again.Out())
	}
	// Attempts from one address become slow; the right password is no exception.
	for range 5 {
		if status, _, _ := post(t, client, api+"/login", strings.NewReader(`{"user":"admin","password":"wrong"}`)); status != http.StatusUnauthorized {
			t.Errorf("%d", status)
		}
	}
	status, _, header = post(t, client, api+"/login", strings.NewReader(`{"user":"admin","password":"a long password"}`))
	if status != http.StatusTooManyRequests || header.Get("Retry-After") == "" {
		t.Errorf("the sixth attempt: %d %v", status, header)
	}
}

// An agent goes through the proxy of HTTPS_PROXY, and the proxy sees nothing but
// the server's name.
func TestHTTPSProxy(t *testing.T) {
	web, db := twoHosts(t)
	data := stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	var seen atomic.Value
	proxy := web.connectProxy(t, join(webAddress, 3128), join(webAddress, 4849), &seen)
	token := web.Token(t, data)
	// No resolver of db1 knows web1: only the proxy gets there.
	agent := db.reporter(t, "https://web1:4849", stage.OpenDir(t), []string{"--token-file", token}, bed.WithEnv("HTTPS_PROXY=http://"+proxy))
	d.HeardOf(t, "db1")
	if got := seen.Load(); got != "CONNECT web1:4849" {
		t.Errorf("the proxy was asked to %v", got)
	}
	agent.Terminate(t, stage.Patience)
	h := db.reporter(t, "https://web1:4849", stage.OpenDir(t), []string{"--token-file", token, "--once"}, bed.WithEnv("HTTPS_PROXY=http://"+join(webAddress, 1)))
	if code := h.Wait(t); code != 2 || !strings.Contains(h.Err(), "proxy of HTTPS_PROXY can't be used") {
		t.Errorf("%d %s", code, h.Err())
	}
}

// connectProxy is a proxy on the host that connects whoever asks to one address.
func (h host) connectProxy(t *testing.T, address, to string, seen *atomic.Value) string {
	t.Helper()
	var l net.Listener
	if err := h.Do(func() (err error) { l, err = net.Listen("tcp", address); return err }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				r, err := http.ReadRequest(in)
				if err != nil {
					return
				}
				seen.Store(r.Method + " " + r.Host)
				out, err := h.Dial(context.Background(), "tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n")
				go func() { _, _ = io.Copy(out, in) }()
				_, _ = io.Copy(c, out)
			}()
		}
	}()
	return address
}

// certificate makes a server's certificate of another CA, with its key and the
// CA in files, valid from a moment on for 90 days.
func certificate(t *testing.T, from time.Time, names ...string) (cert, ca string) {
	t.Helper()
	dir := stage.OpenDir(t)
	a, err := pki.Open(filepath.Join(dir, "tls"), func() []string { return names }, func() time.Time { return from })
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(dir, "ca.pem")
	stage.Write(t, ca, string(a.PEM()))
	return filepath.Join(dir, "tls", "server.pem"), ca
}

// nginx does TLS before a server on loopback, under a path: agents and people
// log in all the same, and the server knows where they come from.
func TestBehindProxy(t *testing.T) {
	web, db := twoHosts(t)
	data, state := stage.OpenDir(t), stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", local, "--behind-proxy", "127.0.0.1")
	cert, ca := certificate(t, time.Now(), webAddress)
	web.Nginx(t, "ssl_certificate "+cert+"; ssl_certificate_key "+cert+`;
		location /chart/ {
			proxy_pass http://127.0.0.1:4849/;
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Proto $scheme;
		}`, webAddress+":443 ssl")
	web.Reachable(t, webAddress+":443")
	token := web.Token(t, data)
	if raw, _ := os.ReadFile(token); !bytes.HasPrefix(raw, []byte("dotm1.-.")) {
		t.Errorf("token is %s: it must not name a CA that agents never see", raw)
	}
	server := "https://" + webAddress + "/chart"
	db.reporter(t, server, state, []string{"--token-file", token, "--ca-file", ca})
	d.HeardOf(t, "db1")
	var list struct {
		Agents []struct {
			LastAddress string `json:"last_address"`
		}
	}
	if err := d.Get(t.Context(), "/agents", &list); err != nil || len(list.Agents) != 1 || list.Agents[0].LastAddress != dbAddress {
		t.Errorf("%+v, %v", list, err)
	}
	// On this machine too a login is needed: whoever asks may be the proxy.
	for _, header := range [][]string{nil, {"X-Forwarded-For", "203.0.113.7"}} {
		if status, body, _ := post(t, web.client(t, data), "http://"+local+"/api/v1/reports", strings.NewReader(minimal("x", "y")), header...); status != http.StatusUnauthorized {
			t.Errorf("%d %s", status, body)
		}
	}
	no := db.reporter(t, server, stage.OpenDir(t), []string{"--ca-file", ca, "--once"})
	if code := no.Wait(t); code != 2 || !strings.Contains(no.Err(), "agent has no identity") {
		t.Errorf("%d %s", code, no.Err())
	}
}

// The user's own certificate: expired ones and wrong names are said, a renewed
// one is taken over without a restart.
func TestOwnCertificate(t *testing.T) {
	web, db := twoHosts(t)
	data, state := stage.OpenDir(t), stage.OpenDir(t)
	expired, ca := certificate(t, time.Now().Add(-pki.ServerLife-2*time.Hour), webAddress)
	d := web.ServeOthers(t, data, "--listen", all, "--cert-file", expired)
	d.Says(t, "certificate has expired")
	server, token := "https://"+join(webAddress, 4849), web.Token(t, data)
	try := func(server, ca string) string {
		t.Helper()
		p := db.reporter(t, server, state, []string{"--token-file", token, "--ca-file", ca, "--once"})
		p.Wait(t)
		return p.Err()
	}
	if got := try(server, ca); stage.ContainsAll(got, "server's certificate expired at", "renew the certificate on the server") != nil {
		t.Errorf("expired: %s", got)
	}
	other, otherCA := certificate(t, time.Now(), "elsewhere.example")
	copyText(t, other, expired)
	stage.Eventually(t, "the new certificate is in force", func() error {
		return stage.ContainsAll(try(server, otherCA), "certificate is for elsewhere.example, not for \""+webAddress+"\"")
	})
	right, rightCA := certificate(t, time.Now(), webAddress)
	copyText(t, right, expired)
	stage.Eventually(t, "the last certificate is in force", func() error {
		return stage.ContainsAll(try(server, ca), "signed by a CA that this machine doesn't know")
	})
	if got := try(server, rightCA); got != "" {
		t.Errorf("a good certificate: %s", got)
	}
}

// A relay takes the reports of a zone that can't reach the server.
func TestRelay(t *testing.T) {
	web, db := twoHosts(t)
	data := stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	db.Dotm(t, []string{
		"relay", "--server", "https://" + join(webAddress, 4849), "--listen", join(dbAddress, 4850), "--state", stage.OpenDir(t),
		"--token-file", web.Token(t, data, "--relay", dbAddress), "--allow", dbAddress + "/32",
	}).Says(t, "Relays agents of https://"+join(dbAddress, 4850))
	token := web.Token(t, data)
	agent := db.reporter(t, "https://"+join(dbAddress, 4850), stage.OpenDir(t), []string{"--token-file", token})
	d.HeardOf(t, "db1")
	var list struct {
		Agents []struct {
			Role, Via   string
			LastAddress string `json:"last_address"`
		}
	}
	if err := d.Get(t.Context(), "/agents", &list); err != nil || len(list.Agents) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, a := range list.Agents {
		if a.Role == "agent" && (a.Via != "db1" || a.LastAddress != dbAddress) {
			t.Errorf("%+v", a)
		}
	}
	d.Terminate(t, stage.Patience)
	agent.Says(t, "relay can't reach the server")
	d = web.ServeOthers(t, data, "--listen", all)
	d.HeardOf(t, "db1")
	// Whose network was not named is not served.
	no := web.reporter(t, "https://"+join(dbAddress, 4850), stage.OpenDir(t), []string{"--token-file", token, "--once"})
	if code := no.Wait(t); code != 2 || stage.ContainsAll(no.Err(), "doesn't forward for "+webAddress, "--allow") != nil {
		t.Errorf("%d %s", code, no.Err())
	}
}

// Bodies that unpack to a gigabyte, and bodies of strangers, cost the server
// next to nothing.
func TestBombs(t *testing.T) {
	web, db := twoHosts(t)
	data, state := stage.OpenDir(t), stage.OpenDir(t)
	d := web.ServeOthers(t, data, "--listen", all)
	server := "https://" + join(webAddress, 4849)
	db.reporter(t, server, state, []string{"--token-file", web.Token(t, data), "--once"}).Wait(t)
	d.HeardOf(t, "db1")
	id, secret := identity(t, filepath.Join(state, "agent.json"))
	before := peakMemory(t, d.PID())
	bomb := gigabyte(t)
	client := db.client(t, data)
	for range 4 {
		status, body, _ := post(t, client, server+"/api/v1/reports", bytes.NewReader(bomb), "Authorization", "Bearer dotm1a."+id+"."+secret, "Content-Type", "application/gzip")
		if status != http.StatusRequestEntityTooLarge {
			t.Errorf("%d %s", status, body)
		}
	}
	// A stranger's body is not read: the answer is there before it is sent.
	conn, err := db.Dial(t.Context(), "tcp", join(webAddress, 4849))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it is about the other end
	fmt.Fprint(c, "POST /api/v1/reports HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 401 ") {
		t.Errorf("%q %v", line, err)
	}
	if after := peakMemory(t, d.PID()); after-before > 128<<20 {
		t.Errorf("the server's memory grew from %d to %d MiB", before>>20, after>>20)
	}
	if err := d.Get(t.Context(), "/version", &struct{}{}); err != nil {
		t.Error(err)
	}
}

// gigabyte is one of zeros, packed.
func gigabyte(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	block := make([]byte, 1<<20)
	for range 1 << 10 {
		if _, err := zw.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// peakMemory is a process's VmHWM (proc_pid_status(5)) in bytes.
func peakMemory(t *testing.T, pid int) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(raw)
	kib, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
