// Package manage are the commands that change a running server, and say what it keeps:
// nodes, sources, checks, tokens, people, backups.
package manage

import (
	"context"
	"fmt"
	"net/http"

	"github.com/devops-trouble-map/dotm/cmd/dotm/client"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
)

// remove deletes something of a server and says so.
func remove(ctx context.Context, g *console.Globals, from *client.Flags, path, done, what string) error {
	if err := from.Do(ctx, http.MethodDelete, path, nil, nil); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]string{done: what})
	}
	_, err := fmt.Fprintf(g.Out, "%s is %s.\n", what, done)
	return err
}
