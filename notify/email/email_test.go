package email_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/notify/email"
	"github.com/devops-trouble-map/dotm/test/need"
	"github.com/devops-trouble-map/dotm/topology"
)

// python is Debian's, which has its packages.
const python = "/usr/bin/python3"

// server is a real mail server with one mailbox.
type server struct {
	opt     notify.Options
	mailbox string
}

// start starts one that speaks plain SMTP, starttls or smtps, and wants a login if
// there is a user.
func start(t *testing.T, mode, user string) *server {
	t.Helper()
	if err := exec.Command(python, "-c", "import aiosmtpd").Run(); err != nil {
		need.Lacks(t, "aiosmtpd is missing (Debian: python3-aiosmtpd)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_ = l.Close()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	s := &server{mailbox: filepath.Join(dir, "mail")}
	cmd := exec.Command(python, "testdata/smtpd.py", port, s.mailbox, mode, cert, key, user, "good-password")
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); ; <-time.After(50 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the mail server doesn't come up")
		}
	}
	scheme := "smtp"
	if mode == "smtps" {
		scheme = mode
	}
	s.opt = notify.Options{
		Name: "mail", Kind: notify.Email, URL: scheme + "://127.0.0.1:" + port, User: user,
		From: "Map <dotm@site.example>", To: []string{"oncall@site.example", "team@site.example"},
	}
	if user != "" {
		s.opt.Password = "good-password"
	}
	if mode != "plain" {
		s.opt.TLS.CAFile = cert
	}
	return s
}

// certificate makes one for 127.0.0.1 that signs itself.
func certificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// letter is what arrived.
type letter struct {
	Subject, From, To, Text, Picture, InReplyTo string
}

// letters empties the mailbox.
func (s *server) letters(t *testing.T) (out []letter) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.mailbox, "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, read(t, raw))
		_ = os.Remove(path)
	}
	return out
}

func read(t *testing.T, raw []byte) letter {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, raw)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	out := letter{Subject: subject, From: m.Header.Get("From"), To: m.Header.Get("To"), InReplyTo: m.Header.Get("In-Reply-To")}
	if m.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("it doesn't say that a program sent it:\n%s", raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(kind, "multipart/") {
		out.Text = decoded(t, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return out
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch body := decoded(t, p.Header.Get("Content-Transfer-Encoding"), p); {
		case p.FileName() == "chart.svg":
			out.Picture = body
		default:
			out.Text = body
		}
	}
}

func decoded(t *testing.T, encoding string, r io.Reader) string {
	t.Helper()
	switch encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(raw), "\r\n", "\n")
}

func notice() *notify.Notice {
	at := time.Date(2026, 3, 1, 2, 13, 40, 0, time.UTC)
	return &notify.Notice{
		News: notify.Opened, At: at.Add(time.Minute), Text: "postgres on db1 is CRITICAL\n.\nünïcode, and a dot alone\n", Picture: []byte("<svg/>"),
		Incident: notify.Incident{ID: "k3j2", Title: "Größe of /var\r\nBcc: all@x.example", Status: topology.Critical, Opened: at},
	}
}

func TestSend(t *testing.T) {
	for _, c := range []struct{ mode, user string }{{"plain", ""}, {"starttls", ""}, {"starttls", "dotm"}, {"smtps", ""}} {
		t.Run(c.mode+" "+c.user, func(t *testing.T) {
			s := start(t, c.mode, c.user)
			n := notice()
			if err := email.New(s.opt).Send(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			n.News, n.Picture = notify.Resolved, nil
			if err := email.New(s.opt).Send(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			want := []letter{
				{"Größe of /var Bcc: all@x.example", `"Map" <dotm@site.example>`, "<oncall@site.example>, <team@site.example>", n.Text, "<svg/>", ""},
				{"Resolved: Größe of /var Bcc: all@x.example", `"Map" <dotm@site.example>`, "<oncall@site.example>, <team@site.example>", n.Text, "", "<incident.k3j2@dotm.invalid>"},
			}
			got := s.letters(t)
			if len(got) == 2 && got[0].InReplyTo != "" { // a maildir has no order
				got[0], got[1] = got[1], got[0]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	s := start(t, "starttls", "dotm")
	for name, c := range map[string]struct {
		change  func(*notify.Options)
		refused bool
		want    string
	}{
		"wrong password": {func(o *notify.Options) { o.Password = "other" }, false, "535"},
		"no such user":   {func(o *notify.Options) { o.To = []string{"nobody@site.example"} }, true, "550"},
		"mailbox full":   {func(o *notify.Options) { o.To = []string{"full@site.example"} }, false, "452"},
		"not trusted":    {func(o *notify.Options) { o.TLS.CAFile = "" }, false, "certificate"},
		"nobody there":   {func(o *notify.Options) { o.URL = "smtp://127.0.0.1:1" }, false, "refused"},
		"no CA file":     {func(o *notify.Options) { o.TLS.CAFile = "/nonexistent" }, false, "tls.ca_file can't be read"},
	} {
		t.Run(name, func(t *testing.T) {
			o := s.opt
			c.change(&o)
			err := email.New(o).Send(t.Context(), notice())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error is %v", err)
			}
			var refused *notify.Refused
			if errors.As(err, &refused) != c.refused {
				t.Errorf("refused for good: %t: %v", !c.refused, err)
			}
			if strings.Contains(err.Error(), "good-password") {
				t.Error("the error tells the password")
			}
		})
	}
	if got := s.letters(t); len(got) > 0 {
		t.Errorf("arrived: %+v", got)
	}
}

// TestNoPasswordInTheOpen: a server without TLS gets no login.
func TestNoPasswordInTheOpen(t *testing.T) {
	s := start(t, "plain", "")
	s.opt.User, s.opt.Password = "dotm", "good-password"
	if err := email.New(s.opt).Send(t.Context(), notice()); err == nil || !strings.Contains(strings.ToLower(err.Error()), "starttls") {
		t.Errorf("error is %v", err)
	}
}

// TestHangingServer: one that accepts and says nothing is given up in time.
func TestHangingServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"smtp", "smtps"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		opt := notify.Options{URL: scheme + "://" + l.Addr().String(), From: "dotm@site.example", To: []string{"oncall@site.example"}}
		if err := email.New(opt).Send(ctx, notice()); err == nil || ctx.Err() == nil {
			t.Errorf("%s: error is %v, and there is time left", scheme, err)
		}
		cancel()
	}
}
