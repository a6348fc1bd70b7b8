// Package page serves the web UI.
package page

import (
	"bytes"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/devops-trouble-map/dotm/api/coding"
	"github.com/devops-trouble-map/dotm/api/problem"
	"github.com/devops-trouble-map/dotm/api/read"
)

// notBuilt is the page of a dotm that was built without its UI.
const notBuilt = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>dotm: the UI was not built</title>
<h1>The UI was not built</h1>
<p>This dotm was compiled without its web UI, which needs Node. In its source folder, run</p>
<pre>make run</pre>
<p>or <code>make ui</code> and then <code>go build ./cmd/dotm</code>. Everything else works:
<a href="/api/v1/topology">the topology as JSON</a>, <a href="/api/v1/openapi.json">the API's description</a>,
and <code>dotm map</code> in a terminal.</p>
</html>
`

// loginPage is where login links lead; the page itself sees that it is one.
const loginPage = "login"

// Handler serves the files of the web UI, nil if it was not built, and says no to everything
// that nothing else serves.
func Handler(ui fs.FS) http.Handler {
	h := &routes{ui: ui}
	pages := http.HandlerFunc(pageNotBuilt)
	if ui != nil {
		pages = h.page
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if !reads || strings.HasPrefix(r.URL.Path, "/api/") {
			problem.Answer(w, http.StatusNotFound, "there is no "+problem.Quote(r.Method+" "+r.URL.Path)+": see "+read.Prefix+"/openapi.json")
			return
		}
		pages(w, r)
	})
}

func pageNotBuilt(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" && r.URL.Path != "/"+loginPage {
		problem.Answer(w, http.StatusNotFound, "there is no page "+problem.Quote(r.URL.Path))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(notBuilt))
}

// page serves a file of the UI. Those with a hash in their name never change.
func (h *routes) page(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" || name == loginPage {
		name = "index.html"
	}
	if info, err := fs.Stat(h.ui, name); err != nil || info.IsDir() {
		problem.Answer(w, http.StatusNotFound, "there is no page "+problem.Quote(r.URL.Path))
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		if h.asset(w, r, name) {
			return
		}
	}
	http.ServeFileFS(w, r, h.ui, name)
}

type routes struct {
	ui     fs.FS
	assets assets
}

// assets are the files of the UI that never change, by name, as they were asked for.
type assets struct {
	mu   sync.Mutex
	made map[string]*coding.Body
}

// asset serves a file compressed as well as may be, once for all who ask; false if the
// file, or who asks, is not for that.
func (h *routes) asset(w http.ResponseWriter, r *http.Request, name string) bool {
	media := mime.TypeByExtension(path.Ext(name))
	if !coding.Compressible(media) {
		return false
	}
	file, err := h.assets.file(h.ui, name)
	if err != nil {
		return false
	}
	body, coding, err := file.In(r.Header.Get("Accept-Encoding"))
	if err != nil || coding == "" {
		return false
	}
	w.Header().Set("Content-Encoding", coding)
	w.Header().Set("Content-Type", media)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	return true
}

func (a *assets) file(files fs.FS, name string) (*coding.Body, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.made[name]; c != nil {
		return c, nil
	}
	plain, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	if a.made == nil {
		a.made = map[string]*coding.Body{}
	}
	a.made[name] = &coding.Body{Plain: plain, Effort: coding.Utmost}
	return a.made[name], nil
}
