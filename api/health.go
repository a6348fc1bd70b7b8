package api

import (
	"net/http"

	"github.com/devops-trouble-map/dotm/api/caller"
	"github.com/devops-trouble-map/dotm/api/problem"
)

// health serves /healthz (the process answers) and /readyz (reports are taken
// in and kept).
func (h *handler) health(mux *router) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.Model.Ready(); err != nil {
			why := err.Error()
			if caller.Of(r.Context()).Role == "" {
				why = "not ready: the server's log says why" // no paths for strangers
			}
			problem.Answer(w, http.StatusServiceUnavailable, why)
			return
		}
		say(w, "ready")
	})
}

func say(w http.ResponseWriter, word string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(word + "\n"))
}
