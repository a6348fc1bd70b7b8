package relay

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/auth/pki"
)

func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// office signs what relays ask for.
type office struct {
	*pki.Authority
	mu       sync.Mutex
	enrolled bool
	fail     []error // the next answers
	asked    int
}

func newOffice(t *testing.T) *office {
	t.Helper()
	a, err := pki.Open(t.TempDir(), func() []string { return []string{"dotm.example"} }, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &office{Authority: a}
}

func (o *office) Enrol(ctx context.Context, request []byte) (string, error) {
	if o.enrolled {
		return "", nil
	}
	chain, err := o.Renew(ctx, request)
	o.enrolled = err == nil
	return chain, err
}

func (o *office) Renew(_ context.Context, request []byte) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked++
	if len(o.fail) > 0 {
		err := o.fail[0]
		o.fail = o.fail[1:]
		return "", err
	}
	chain, err := o.Issue(request, []string{"relay1"})
	return string(chain), err
}

func newCertificate(t *testing.T, o *office) (*Certificate, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	return &Certificate{Path: filepath.Join(t.TempDir(), "relay.pem"), Signer: o, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}, log
}

// TestObtain: a certificate is got once, and kept.
func TestObtain(t *testing.T) {
	o := newOffice(t)
	c, _ := newCertificate(t, o)
	if _, err := c.Get(); err == nil {
		t.Error("there is a certificate before it was got")
	}
	if err := c.Obtain(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, err := c.Get()
	if err != nil || first.Leaf.DNSNames[0] != "relay1" {
		t.Fatalf("%v", err)
	}
	if info, err := os.Stat(c.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	again := &Certificate{Path: c.Path, Signer: o, Now: time.Now, Log: c.Log}
	if err := again.Obtain(t.Context()); err != nil || o.asked != 1 {
		t.Errorf("%v, asked %d times", err, o.asked)
	}
	anew := &Certificate{Path: c.Path, Anew: true, Signer: o, Now: time.Now, Log: c.Log}
	if err := anew.Obtain(t.Context()); err != nil || o.asked != 2 {
		t.Errorf("%v, asked %d times", err, o.asked)
	}
}

// TestObtainIsPatient: the server may be away for long.
func TestObtainIsPatient(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		for range 10 {
			o.fail = append(o.fail, errors.New("server is away"))
		}
		c, log := newCertificate(t, o)
		// The bubble's clock begins long before the certificate's.
		began := time.Now()
		if err := c.Obtain(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 1*time.Second+2*time.Second+4*time.Second+8*time.Second+16*time.Second+32*time.Second+4*time.Minute {
			t.Errorf("it took %s", took)
		}
		if n := strings.Count(log.String(), "server is away"); n != 10 {
			t.Errorf("said %d times", n)
		}
		o.fail = []error{errors.New("away"), errors.New("away")}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if err := (&Certificate{Path: c.Path + "x", Signer: o, Now: time.Now, Log: c.Log}).Obtain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

func TestDamagedIsReplaced(t *testing.T) {
	o := newOffice(t)
	c, log := newCertificate(t, o)
	if err := os.WriteFile(c.Path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Obtain(t.Context()); err != nil || !strings.Contains(log.String(), "can't be read") {
		t.Errorf("%v %s", err, log.String())
	}
	if _, err := pki.Load(c.Path); err != nil {
		t.Error(err)
	}
}

func TestStateUnwritable(t *testing.T) {
	o := newOffice(t)
	c, _ := newCertificate(t, o)
	c.Path = filepath.Join(filepath.Dir(c.Path), "none", "relay.pem")
	if err := c.renew(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestRenewal: the certificate is renewed a month before its end, at once when
// the relay was off, and not earlier.
func TestRenewal(t *testing.T) {
	o := newOffice(t)
	c, log := newCertificate(t, o)
	if err := c.Obtain(t.Context()); err != nil {
		t.Fatal(err)
	}
	first, _ := c.Get()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		offset := time.Until(first.Leaf.NotAfter.Add(-pki.RenewBefore - 90*time.Minute))
		c.Now = func() time.Time { return time.Now().Add(offset) }
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		time.Sleep(time.Hour + time.Second) //nolint:forbidigo // the bubble's clock
		if now, _ := c.Get(); now != first {
			t.Error("it was renewed too early")
		}
		o.mu.Lock()
		o.fail = []error{errors.New("server is away")}
		o.mu.Unlock()
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		if now, _ := c.Get(); now != first || !strings.Contains(log.String(), "was not renewed; trying again") {
			t.Errorf("log is %s", log.String())
		}
		time.Sleep(time.Hour) //nolint:forbidigo // the bubble's clock
		if now, _ := c.Get(); now == first {
			t.Error("it was not renewed")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
