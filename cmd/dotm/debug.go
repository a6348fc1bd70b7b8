package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// debugPath is below which profiles are served, as `go tool pprof` expects it.
const debugPath = "/debug/pprof/"

// listenDebug opens where the process tells of itself. Whoever reads profiles learns what
// it does, and may slow it down: only this machine may.
func listenDebug(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("--debug-listen must be an address with a port, like 127.0.0.1:6060, is %q", address)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("--debug-listen must be a loopback address, like 127.0.0.1:6060, is %q: profiles are for this machine alone", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %s for --debug-listen: %w", address, err)
	}
	return l, nil
}

// debug serves profiles until ctx ends.
func (s *site) debug(ctx context.Context) error {
	if s.profiles == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+debugPath, pprof.Index)
	mux.HandleFunc("GET "+debugPath+"profile", pprof.Profile)
	mux.HandleFunc("GET "+debugPath+"symbol", pprof.Symbol)
	mux.HandleFunc("GET "+debugPath+"trace", pprof.Trace)
	web := &http.Server{Handler: loopbackNamed(mux), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		_ = web.Close() // a profile that is being taken ends, too
	}()
	s.log.Info("serving profiles", "address", s.profiles.Addr().String())
	if err := web.Serve(s.profiles); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving profiles: %w", err)
	}
	return nil
}

// loopbackNamed refuses requests under other names than this machine's own loopback
// ones: those of a web page whose name was rebound.
func loopbackNamed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "profiles are for this machine alone", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
