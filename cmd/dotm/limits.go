package main

import (
	"log/slog"
	"net/http"
	"syscall"
	"time"

	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/limit"
)

// spareFiles are descriptors that are not for connections: the store, polls,
// sources, and what the program itself needs.
const spareFiles = 256

// limitsOf are the bounds that a file sets, or the usual ones. There are never
// more connections than the process may have files (getrlimit(2)): who finds none
// left would be kept waiting, whoever it is.
func limitsOf(cfg *config.Config) *limit.Limits {
	l := limit.New(cfg.Limits.Apply(limit.Defaults()), time.Now)
	lowerToFiles(l.Conns)
	return l
}

func lowerToFiles(c *limit.Connections) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		c.Lower(int(min(max(files.Cur, 2*spareFiles), 1<<30) - spareFiles))
	}
}

// boundedServer serves a handler within bounds of time and size. An answer that
// is read for longer than [answerTime] sets limits of its own: the live stream,
// and archives.
func boundedServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: answerTime,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 100, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10},
	}
}

// answerTime is how long an answer may take, until its last byte is taken.
const answerTime = 2 * time.Minute
