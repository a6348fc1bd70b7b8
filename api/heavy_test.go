package api_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/test/served"
)

// heavy are the reads that take a whole chart in memory, of now, too.
var heavy = []string{
	"/nodes", "/services", "/services/x", "/connections", "/suggestions", "/geo", "/report", "/report/definitions/nagios",
	"/diff?from=-1h", "/export/svg", "/export/json", "/drift", "/drift/initial",
}

// Who asks for much while all seats are taken waits for one, and is told to come again
// if there is none in time. All else goes on.
func TestHeavyReads(t *testing.T) {
	limits, _ := limited(limit.Settings{Heavy: 2, HeavyEach: 2})
	s := served.New(t, served.Options{Limits: limits})
	s.Shop(t)
	doc, _ := served.OpenAPI(t, s)
	asked := slices.Clone(heavy)
	for path, of := range doc.Paths { // whatever may be asked of a moment gone by
		if slices.ContainsFunc(of["get"].Parameters, func(p served.Parameter) bool { return p.Name == "at" }) {
			_, path = concrete("GET " + path)
			asked = append(asked, strings.TrimPrefix(path, api.Prefix)+"?at=-1h", strings.TrimPrefix(path, api.Prefix)+"?%61t=-1h")
		}
	}
	if len(asked) < len(heavy)+30 {
		t.Fatalf("only %d are asked", len(asked))
	}
	synctest.Test(t, func(t *testing.T) {
		leave, _ := limits.Readers.Take("somebody")
		_, _ = limits.Readers.Take("somebody")
		for _, path := range asked {
			began := time.Now()
			a := s.Local(t, http.MethodGet, api.Prefix+path, "")
			p := served.Refused(t, a, http.StatusTooManyRequests)
			if a.Header.Get("Retry-After") != "5" || time.Since(began) != 2*time.Second {
				t.Errorf("%s: waited %s, %v", path, time.Since(began), a.Header)
			}
			if want := "there may be 2 in all and 2 of one viewer (limits.heavy_reads and"; !strings.Contains(p.Detail, want) {
				t.Errorf("%s: %s", path, p.Detail)
			}
		}
		for _, path := range []string{"/topology", "/topology?level=pool&at=", "/nodes/web", "/history", "/events", "/version", "/incidents"} {
			if a := s.Local(t, http.MethodGet, api.Prefix+path, ""); a.StatusCode != http.StatusOK {
				t.Errorf("%s is held up: %s %s", path, a.Status, a.Text)
			}
		}
		time.AfterFunc(time.Second, leave)
		if a := s.Local(t, http.MethodGet, api.Prefix+"/services", ""); a.StatusCode != http.StatusOK {
			t.Errorf("a seat that got free: %s %s", a.Status, a.Text)
		}
	})
	if limits.Readers.Held() != 1 {
		t.Errorf("%d seats are held", limits.Readers.Held())
	}
	metrics := string(s.Local(t, http.MethodGet, "/metrics", "").Text)
	for _, want := range []string{"dotm_http_heavy_reads 1", `dotm_http_throttled_total{of="heavy"} ` + strconv.Itoa(len(asked))} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// One viewer does not keep out others. Strangers have no seat at all.
func TestHeavyEach(t *testing.T) {
	limits, _ := limited(limit.Settings{Heavy: 3, HeavyEach: 1})
	s := served.New(t, served.Options{Login: true, Limits: limits})
	_, _ = limits.Readers.Take("this machine")
	synctest.Test(t, func(t *testing.T) {
		served.Refused(t, s.Local(t, http.MethodGet, api.Prefix+"/services", ""), http.StatusTooManyRequests)
	})
	cookie := s.SignIn(t)
	if a := s.Get(t, api.Prefix+"/services", cookie...); a.StatusCode != http.StatusOK {
		t.Errorf("another viewer: %s %s", a.Status, a.Text)
	}
	_, _ = limits.Readers.Take("b")
	_, _ = limits.Readers.Take("c")
	if a := s.Get(t, api.Prefix+"/services"); a.StatusCode != http.StatusUnauthorized { // at once
		t.Errorf("a stranger: %s %s", a.Status, a.Text)
	}
}

// Who asks for much and doesn't take it has a seat only until the server hangs up.
func TestHeavyAndSlow(t *testing.T) {
	limits, _ := limited(limit.Settings{Heavy: 1})
	began, wrote := make(chan struct{}), make(chan error, 1)
	site := httptest.NewUnstartedServer(api.Seated(limits, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		_, err := w.Write(make([]byte, 64<<20)) // more than lines between two processes hold
		wrote <- err
	})))
	site.Config.WriteTimeout = 200 * time.Millisecond
	site.Start()
	defer site.Close()
	slow, err := net.Dial("tcp", site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-began
	if _, ok := limits.Readers.Take("other"); ok {
		t.Fatal("an answer that is being written holds no seat")
	}
	if _, ok := limits.Readers.Wait(t.Context(), "other"); !ok {
		t.Error("a slow reader keeps its seat")
	}
	if err := <-wrote; err == nil {
		t.Error("all of it was taken")
	}
}
