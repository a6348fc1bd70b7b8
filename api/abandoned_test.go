package api_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/test/served"
	"github.com/devops-trouble-map/dotm/test/shop"
	"github.com/devops-trouble-map/dotm/topology"
)

// An answer that nobody reads any more is no news: net/http has nothing to complain of, and
// nothing is written about it into the log.
func TestAbandonedAnswer(t *testing.T) {
	s := served.New(t, served.Options{})
	for i := range 20 { // more than net/http holds back before it writes
		s.Put(t, shop.Host(fmt.Sprintf("web%d", i), fmt.Sprintf("10.0.0.%d", i+1)).Listen("nginx", 80).Listen("sshd", 22).Report)
	}
	s.Settle(t, func(snap *topology.Snapshot) bool { return snap.Block("web19") != nil })
	var complaints served.Log
	left, ended := make(chan struct{}), make(chan struct{})
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		close(left)
		<-r.Context().Done() // the asker has gone
		s.Handler.ServeHTTP(w, r)
	}))
	site.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&complaints, nil), slog.LevelWarn)
	site.Start()
	asker, err := net.Dial("tcp", site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(asker, "GET %s/nodes HTTP/1.1\r\nHost: localhost\r\n\r\n", api.Prefix); err != nil {
		t.Fatal(err)
	}
	<-left
	if err := asker.(*net.TCPConn).SetLinger(0); err != nil { // whatever is sent now is refused
		t.Fatal(err)
	}
	asker.Close()
	<-ended
	site.Close()
	if text := complaints.String(); text != "" {
		t.Errorf("net/http complains: %s", text)
	}
	if text := s.Log.String(); strings.Contains(text, "error") {
		t.Errorf("the log says: %s", text)
	}
	if a := s.Get(t, "/metrics"); !strings.Contains(string(a.Text), `dotm_http_responses_total{code="5xx"} 0`) {
		t.Error("it counts as a fault of the server")
	}
}
