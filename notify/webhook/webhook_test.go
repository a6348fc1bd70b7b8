package webhook_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/notify/webhook"
	"github.com/devops-trouble-map/dotm/topology"
)

func notice() *notify.Notice {
	at := time.Date(2026, 3, 1, 2, 13, 40, 0, time.UTC)
	return &notify.Notice{
		News: notify.Opened, At: at.Add(time.Minute), Text: "postgres on db1 is CRITICAL\n", Picture: []byte("<svg/>"),
		Incident: notify.Incident{ID: "k3j2", Title: "postgres \"on\" db1", Status: topology.Critical, Opened: at, Causes: []notify.Cause{{Component: "db1", Strength: "weak", Sentence: "s"}}},
	}
}

// receiver is a server that answers with a status and keeps what it was asked.
type receiver struct {
	*httptest.Server
	status int
	header http.Header
	body   []byte
}

func listen(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusNoContent}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.header = req.Header
		r.body, _ = io.ReadAll(req.Body)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, "what is\r\nthis? "+strings.Repeat("x", 9000))
	}))
	t.Cleanup(r.Close)
	return r
}

// options trust the receiver's certificate.
func (r *receiver) options(t *testing.T) notify.Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return notify.Options{Name: "hook", Kind: notify.Webhook, URL: r.URL + "/in?channel=ops", TLS: notify.TLS{CAFile: path, ServerName: "example.com"}}
}

func TestBody(t *testing.T) {
	r := listen(t)
	o := r.options(t)
	o.Password = "token"
	n := notice()
	if err := webhook.New(o).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(r.body, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"version": 1.0, "id": n.ID(), "news": "opened", "at": "2026-03-01T02:14:40Z", "text": n.Text, "picture_svg": "<svg/>",
		"incident": map[string]any{
			"id": "k3j2", "title": `postgres "on" db1`, "sentence": "", "status": "CRITICAL", "opened": "2026-03-01T02:13:40Z", "acknowledged": false, "unclear": false,
			"causes":    []any{map[string]any{"component": "db1", "strength": "weak", "sentence": "s"}},
			"confirmed": nil, "predicted": nil, "not_visible": nil,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"Authorization": "Bearer token", "Content-Type": "application/json", "Idempotency-Key": n.ID(), "User-Agent": "dotm"} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestTemplate(t *testing.T) {
	r := listen(t)
	o := r.options(t)
	o.User, o.Password, o.Template = "u", "p", `{"text": {{json .Incident.Title}}}`
	n := notice()
	w, err := o.Writer()
	if err != nil {
		t.Fatal(err)
	}
	if n.Text, err = w.Write(n); err != nil {
		t.Fatal(err)
	}
	if err := webhook.New(o).Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if got := string(r.body); got != `{"text": "postgres \"on\" db1"}` {
		t.Error(got)
	}
	if got := r.header.Get("Authorization"); got != "Basic dTpw" {
		t.Error(got)
	}
}

func TestAnswers(t *testing.T) {
	r := listen(t)
	o := r.options(t)
	for status, c := range map[int]struct{ fails, refused bool }{
		200: {}, 202: {}, 302: {true, true}, 400: {true, true}, 401: {true, true}, 404: {true, true},
		408: {true, false}, 429: {true, false}, 500: {true, false}, 503: {true, false},
	} {
		r.status = status
		err := webhook.New(o).Send(t.Context(), notice())
		var refused *notify.Refused
		if (err != nil) != c.fails || errors.As(err, &refused) != c.refused {
			t.Errorf("%d: error is %v", status, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "what is this?") && status != 302 || len(err.Error()) > 300) {
			t.Errorf("%d: error is %v", status, err)
		}
	}
}

func TestNotTrusted(t *testing.T) {
	r := listen(t)
	o := r.options(t)
	o.TLS = notify.TLS{}
	if err := webhook.New(o).Send(t.Context(), notice()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error is %v", err)
	}
	o.TLS.SkipVerify = true
	if err := webhook.New(o).Send(t.Context(), notice()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := webhook.New(o).Send(ctx, notice()); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
