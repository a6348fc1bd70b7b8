// Package collect is how reports come in. Each way in is a leaf that hands
// what it reads to one [Sink].
package collect

import (
	"context"

	"github.com/devops-trouble-map/dotm/report"
)

// Sink takes reports in. Put returns nil once the report is applied, and thus
// about to be part of the next snapshot; a report that breaks a rule comes back as a [*report.FieldError].
type Sink interface {
	Put(ctx context.Context, r *report.Report) error
}
