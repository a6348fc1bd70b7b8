package server

import (
	"context"

	"github.com/devops-trouble-map/dotm/grouping"
	"github.com/devops-trouble-map/dotm/server/roles"
)

// followed is the site as the finder of roles sees it.
type followed struct{ *Server }

var _ roles.Site = followed{}

// Leads says whether this server finds things out for all.
func (s followed) Leads() bool { return s.alone() }

// Roles says what the nodes are to each other: pools, groups, shared services. It
// must not be written.
func (s *Server) Roles() *grouping.Roles { return s.roles.Roles() }

// RoleChoices are what people decided of that.
func (s *Server) RoleChoices() grouping.Choices { return s.roles.Choices() }

// ChooseRoles changes what people decided of the roles, and puts it in force within
// some seconds. A [*grouping.ChoiceError] says what is wrong with it; other errors
// are those of change and of the store.
func (s *Server) ChooseRoles(ctx context.Context, change func(*grouping.Choices) error) error {
	return s.roles.Choose(ctx, change)
}
