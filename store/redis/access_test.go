package redis_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/store"
	"github.com/devops-trouble-map/dotm/store/redis"
	real "github.com/devops-trouble-map/dotm/test/redis"
)

// aclRules are those of docs/redis.md.
const aclRules = "on >secret resetkeys ~dotm::* ~*::dotm::* resetchannels -@all +@read +@write +@connection +@transaction +eval +evalsha +wait +info +cluster|slots +cluster|shards +readonly"

// TestACL does everything with the rights of the docs, and no others.
func TestACL(t *testing.T) {
	server := real.Start(t)
	server.CLI(t, append([]string{"ACL", "SETUSER", "dotm"}, strings.Fields(aclRules)...)...)
	log := &told{}
	url := "redis://dotm:secret@" + server.Addr
	s, err := redis.Open(t.Context(), url, redis.Options{Compat: redis.CompatFull, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	all(t, s)
	if got := log.String(); got != "" {
		t.Errorf("told is %s", got)
	}
	if got := server.CLI(t, "EXISTS", "dotm::history", "dotm::nodes", "dotm::v2::meta"); got != "3" {
		t.Errorf("written are %s of 3 keys", got)
	}
	server.CLI(t, "ACL", "SETUSER", "dotm", "-set")
	if err := s.Write(t.Context(), change(7)); err == nil || !strings.Contains(err.Error(), "lacks a right: docs/redis.md") || strings.Contains(err.Error(), "secret") {
		t.Errorf("without a right: %v", err)
	}
	server.CLI(t, "ACL", "SETUSER", "dotm", "resetpass", ">other")
	if _, err := redis.Open(t.Context(), url, redis.Options{}); err == nil || !strings.Contains(err.Error(), "check user and password") || strings.Contains(err.Error(), "secret") {
		t.Errorf("the wrong password: %v", err)
	}
	again, err := redis.Open(t.Context(), url, redis.Options{Password: "other", Compat: redis.CompatOff})
	if err != nil {
		t.Fatalf("the password beside the URL: %v", err)
	}
	again.Close()
}

// all calls everything once.
func all(t *testing.T, s *redis.Store) {
	t.Helper()
	c := change(1)
	c.Records = []store.Record{{Node: "node001", At: time.Now(), Data: []byte("x")}}
	c.Uses = []store.Use{{Service: "s", Connection: "c", First: time.Now(), Last: time.Now()}}
	c.Gaps = []store.Gap{{From: time.Now(), Why: "a test"}}
	c.Alive = time.Now()
	c.Settings = &store.Patch{}
	c.Forget = store.Forget{Before: time.Now().Add(-time.Hour), Uses: time.Now().Add(-time.Hour), Bytes: 1 << 30}
	for range 3 { // the seed's keys, then the copies
		if err := s.Write(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Write(t.Context(), store.Change{Delete: []string{"node001"}, Drop: []store.DocumentKey{{Kind: "test", Key: "node001"}}}); err != nil {
		t.Fatal(err)
	}
	works(t, s, 2)
	if err := s.RecordsAt(t.Context(), time.Now(), func([]store.Record) bool { return true }); err != nil {
		t.Error(err)
	}
	if err := s.Uses(t.Context(), "", func(store.Use) bool { return true }); err != nil {
		t.Error(err)
	}
	if err := s.Gaps(t.Context(), time.Time{}, time.Now(), func(store.Gap) bool { return true }); err != nil {
		t.Error(err)
	}
	if _, err := s.Extent(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Lease(t.Context(), "l", "me", time.Minute); err != nil {
		t.Error(err)
	}
	if err := s.Release(t.Context(), "l", "me"); err != nil {
		t.Error(err)
	}
	if _, err := s.Publish(t.Context(), "topic", store.Message{Kind: "k"}); err != nil {
		t.Error(err)
	}
	if err := s.Tail(t.Context(), "topic", "", func(store.Message) bool { return false }); err != nil {
		t.Error(err)
	}
}

// certificate makes a CA and what it signs for an address, in a folder.
func certificate(t *testing.T, ip string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write := func(name, kind string, der []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.ParseIP(ip)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	write("ca.pem", "CERTIFICATE", der)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write("key.pem", "PRIVATE KEY", raw)
	return dir
}

// TestTLS: the certificate must be one that is trusted, for the address called.
func TestTLS(t *testing.T) {
	start := func(ip string) (url, ca string) {
		dir := certificate(t, ip)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		ca = filepath.Join(dir, "ca.pem")
		real.Start(t, "--tls-port", port, "--tls-cert-file", ca, "--tls-key-file", filepath.Join(dir, "key.pem"), "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
		return "rediss://127.0.0.1:" + port, ca
	}
	url, ca := start("127.0.0.1")
	s, err := redis.Open(t.Context(), url, redis.Options{CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	works(t, s, 1)
	if _, err := redis.Open(t.Context(), url, redis.Options{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a CA that is not trusted: %v", err)
	}
	if _, err := redis.Open(t.Context(), url, redis.Options{CAFile: filepath.Join(filepath.Dir(ca), "key.pem")}); err == nil || !strings.Contains(err.Error(), "has no certificate") {
		t.Errorf("a file without a CA: %v", err)
	}
	if _, err := redis.Open(t.Context(), url, redis.Options{CAFile: "nowhere"}); err == nil || !strings.Contains(err.Error(), "reading the certificates to trust") {
		t.Errorf("no such file: %v", err)
	}
	url, ca = start("127.0.0.2")
	if _, err := redis.Open(t.Context(), url, redis.Options{CAFile: ca}); err == nil || !strings.Contains(err.Error(), "127.0.0.2") {
		t.Errorf("a certificate for another address: %v", err)
	}
}

// TestSocket reaches a Redis by its socket, and one of its databases.
func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	server := real.Start(t, "--unixsocket", path)
	s := open(t, "unix://"+path+"?db=3")
	defer s.Close()
	works(t, s, 1)
	if got := server.CLI(t, "-n", "3", "EXISTS", "dotm::v2::format"); got != "1" {
		t.Errorf("database 3 has %s of our keys", got)
	}
}

// TestTwoSites: each database is a site of its own.
func TestTwoSites(t *testing.T) {
	server := real.Start(t)
	a, b := open(t, server.URL()+"/1"), open(t, server.URL()+"/2")
	defer a.Close()
	defer b.Close()
	works(t, a, 1)
	if state, err := b.Load(context.Background()); err != nil || len(state.Blocks) != 0 {
		t.Errorf("the other one holds %v, %v", state.Blocks, err)
	}
}
