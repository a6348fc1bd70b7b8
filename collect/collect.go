// Package collect is how reports come in. Agents push them (leaf push); nodes
// without an agent are asked for what their own tools print (leaves text and
// ssh), or somebody brings that as a file. Each way hands what it reads to one
// [Sink].
package collect

import (
	"context"
	"errors"

	"github.com/devops-trouble-map/dotm/report"
)

// Sink takes reports in. Put returns nil once the report is applied, and thus
// about to be part of the next snapshot; a report that breaks a rule comes back as a [*report.FieldError].
type Sink interface {
	Put(ctx context.Context, r *report.Report) error
}

// ErrReplayed refuses a report that is older than one that was taken in.
var ErrReplayed = errors.New("report is older than one that was taken in already")

// Poller asks a node what its sockets are. It returns within its own limits of
// time and size, whatever the node does, or soon after ctx ended.
type Poller interface {
	// Poll asks the node at an address of the poller's own form, such as
	// "text://host:4848". The report is complete but for zone and interval.
	// Errors that wrap one of this package say in which way the node failed.
	Poll(ctx context.Context, address string) (*report.Report, error)
}

// The ways in which asking a node fails.
var (
	ErrUnreachable = errors.New("node can't be reached")
	ErrRefused     = errors.New("node refuses the login")
	ErrHostKey     = errors.New("node's host key is not the known one")
	ErrSilent      = errors.New("node doesn't answer in time")
	ErrTooLarge    = errors.New("node's answer is too large")
	ErrNoHostname  = errors.New("answer names no host")
	ErrNoSockets   = errors.New("answer lists no established connection")
	ErrNoAddresses = errors.New("answer lists no address")
	ErrUnreadable  = errors.New("answer can't be read")
)
