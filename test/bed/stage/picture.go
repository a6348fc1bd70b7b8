//go:build linux

package stage

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/devops-trouble-map/dotm/test/bed"
)

// picture draws what the server shows, as a person sees it, and says where; it
// does so only where pictures are wanted, and says why not if it can't.
func (s *Server) picture(t testing.TB) string {
	dir := os.Getenv(envPictures)
	if dir == "" {
		return ""
	}
	name := filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "-"))
	if _, body, err := s.Do(t.Context(), http.MethodGet, "/topology?hide=none", "", nil); err == nil {
		_ = os.WriteFile(name+".json", body, 0o644)
	}
	if err := s.draw(t.Context(), name+".png", OpenDir(t)); err != nil {
		return "\nno picture: " + err.Error()
	}
	return "\nseen at " + name + ".png and .json"
}

// draw has a browser look at the server. The browser is on no host: it goes
// through the test, so that it needs no login and shows on no chart.
func (s *Server) draw(ctx context.Context, file, profile string) error {
	browser, err := bed.Find("chromium")
	if err != nil {
		return err
	}
	to, err := url.Parse(s.URL)
	if err != nil {
		return err
	}
	if err := bed.IP("link set lo up"); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	way := &http.Server{Handler: holding(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del("Accept-Encoding") // pages are written on
		},
		ModifyResponse: hold, Transport: s.Client.Transport,
	})}
	go way.Serve(l)
	defer way.Close()
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	return exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+profile,
		"--window-size=1600,1000", "--screenshot="+file, "http://"+l.Addr().String()).Run()
}

// A browser takes its picture when a page is loaded, which is before the chart is
// there. So the page gets one more thing to load, which takes its time.
const (
	held     = "/held.svg"
	holdTime = 5 * time.Second
)

// hold writes it behind the page.
func hold(r *http.Response) error {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
		return nil
	}
	page, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	page = fmt.Appendf(page, "<img src=%q alt=\"\">", held)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(page)), int64(len(page))
	r.Header.Set("Content-Length", strconv.Itoa(len(page)))
	return nil
}

// holding answers that, and leaves all else to next.
func holding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != held {
			next.ServeHTTP(w, r)
			return
		}
		select {
		case <-time.After(holdTime):
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		_, _ = io.WriteString(w, `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`)
	})
}
