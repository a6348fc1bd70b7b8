// Package prometheus holds what is told of dotm's figures, the document, the dashboard
// and the alerts, against a real dotm and a real Prometheus.
package prometheus

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/collect/push"
	"github.com/devops-trouble-map/dotm/report"
	"github.com/devops-trouble-map/dotm/site"
	"github.com/devops-trouble-map/dotm/test/daemon"
	"github.com/devops-trouble-map/dotm/test/program"
)

var binary string

func TestMain(m *testing.M) { os.Exit(program.Main(m, &binary)) }

// settings give a server a monitoring system, results that are handed over, and somebody
// to tell; nobody is there.
const settings = `
sources:
  - {name: alerts, kind: alertmanager, url: "http://127.0.0.1:9"}
  - {name: scripts, kind: passive}
notify:
  - {name: chat, kind: webhook, url: "http://127.0.0.1:9/"}
`

// dotm is a server with TLS whose site reported, and which somebody watches.
type dotm struct {
	daemon.Daemon
	addr, ca string
	client   *http.Client
}

// serve starts a server.
func serve(t *testing.T, args ...string) *dotm {
	t.Helper()
	dir := t.TempDir()
	d := &dotm{addr: daemon.FreeAddr(t), ca: filepath.Join(dir, "cert.pem")}
	d.client = certify(t, d.ca, filepath.Join(dir, "key.pem"))
	write(t, filepath.Join(dir, "dotm.yaml"), settings)
	args = append([]string{
		"serve", "--listen", d.addr, "--data", filepath.Join(dir, "data"), "--config", filepath.Join(dir, "dotm.yaml"),
		"--cert-file", d.ca, "--key-file", filepath.Join(dir, "key.pem"),
	}, args...)
	cmd := exec.Command(binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	d.Run(t, cmd, filepath.Join(dir, "log"), nil)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s:\n%s", d.addr, d.Log())
		}
		d.Stop()
	})
	daemon.WaitFor(t, "dotm at "+d.addr, func() bool { _, err := d.get(t.Context(), "/readyz"); return err == nil })
	d.report(t)
	d.watch(t)
	return d
}

// certify makes a certificate, and a client that trusts it.
func certify(t *testing.T, cert, key string) *http.Client {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	write(t, cert, string(text))
	write(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func (d *dotm) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+d.addr+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s %s", path, resp.Status, body)
	}
	return string(body), err
}

// report sends what the agents of a small site say.
func (d *dotm) report(t *testing.T) {
	t.Helper()
	s, err := site.New(site.Options{Hosts: 20, Seed: 1, Begin: time.Now().Add(-time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, n := range s.Nodes() {
		r := s.Report(n, now)
		if r == nil {
			continue
		}
		var body bytes.Buffer
		if err := report.Encode(&body, r); err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+d.addr+push.Path, &body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/gzip")
		resp, err := d.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("report of %s: %s", n, resp.Status)
		}
	}
}

// watch looks at the chart once.
func (d *dotm) watch(t *testing.T) {
	t.Helper()
	if _, err := d.get(t.Context(), "/api/v1/topology?level=pool"); err != nil {
		t.Fatal(err)
	}
}

// served is a figure as a server has it.
type served struct {
	kind, labels string
}

var (
	typeLine = regexp.MustCompile(`(?m)^# TYPE (dotm_\w+) (\w+)$`)
	seriesOf = regexp.MustCompile(`(?m)^(dotm_\w+)(?:\{([^}]*)\})? `)
	labelOf  = regexp.MustCompile(`(\w+)="`)
	suffix   = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// figures are those of a server, by name.
func (d *dotm) figures(t *testing.T) map[string]served {
	t.Helper()
	text, err := d.get(t.Context(), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]served{}
	for _, m := range typeLine.FindAllStringSubmatch(text, -1) {
		out[m[1]] = served{kind: m[2]}
	}
	for _, m := range seriesOf.FindAllStringSubmatch(text, -1) {
		name := m[1]
		if _, plain := out[name]; !plain {
			name = suffix.ReplaceAllString(name, "")
		}
		var labels []string
		for _, l := range labelOf.FindAllStringSubmatch(m[2], -1) {
			if l[1] != "le" {
				labels = append(labels, "`"+l[1]+"`")
			}
		}
		out[name] = served{out[name].kind, strings.Join(labels, ", ")}
	}
	return out
}
