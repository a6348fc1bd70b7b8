package drift

import (
	"strings"
	"time"

	"github.com/devops-trouble-map/dotm/view"
)

// MaxKept is how large a declaration may be that a server keeps, in bytes.
const MaxKept = 1 << 20

// Kept is a declaration that a server keeps, in one of its versions.
type Kept struct {
	Version int       `json:"version" doc:"counts from 1"`
	Name    string    `json:"name" doc:"of the file: answers name it"`
	Folder  string    `json:"folder,omitempty" doc:"in which the file lay: as which Compose knows a project without a name"`
	Form    string    `json:"form" doc:"dotm, compose or backstage"`
	Rules   int       `json:"rules"`
	Bytes   int       `json:"bytes"`
	By      string    `json:"by" doc:"who kept it"`
	At      time.Time `json:"at"`
	Text    string    `json:"text,omitempty" doc:"the file itself; not in lists of versions"`
}

// Parse reads it. An error is an [*Errors].
func (k *Kept) Parse() (*Declaration, error) { return Parse(k.Name, k.Folder, []byte(k.Text)) }

// allowance is the rule that would allow a connection, as a file of dotm has it under
// allow: exactly what [Initial] writes, node by node.
func (c *comparison) allowance(e *view.Connection) string {
	in := &initial{c.index, nil}
	var b strings.Builder
	writeLine(&b, line{in.end(c.client(e)), in.end(c.server(e)), e.Protocol, e.Server.Port})
	return b.String()
}

// maxEnds bounds how many nodes are named of each end of a rule.
const maxEnds = 8

// mayBe are the nodes that an end of a rule means, a few of them.
func (c *comparison) mayBe(list *Ends) []string {
	out := []string{}
	for _, n := range c.nodesOf(list) {
		if len(out) == maxEnds {
			break
		}
		out = append(out, n.Name)
	}
	return out
}
