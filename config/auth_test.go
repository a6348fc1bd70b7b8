package config

import (
	"strings"
	"testing"

	"github.com/devops-trouble-map/dotm/auth"
)

func TestAuth(t *testing.T) {
	c, err := Parse([]byte(`
auth:
  htpasswd:
    file: /etc/dotm/users
    default_role: viewer
  proxy:
    user_header: Remote-User
    groups_header: Remote-Groups
    roles: {ops: operator}
  oidc:
    issuer: https://login.example/realms/site
    client_id: dotm
    client_secret_file: /etc/dotm/secret
    roles:
      dotm-admins: admin
      "*": viewer
`))
	if err != nil {
		t.Fatal(err)
	}
	if h := c.Auth.Htpasswd; h.File != "/etc/dotm/users" || h.Grants().Of("anna") != auth.Viewer {
		t.Errorf("%+v", h)
	}
	if p := c.Auth.Proxy; p.UserHeader != "Remote-User" || p.Grants().Of("anna", "ops") != auth.Operator || p.Grants().Of("anna") != "" {
		t.Errorf("%+v", p)
	}
	if o := c.Auth.OIDC.Options(); o.Issuer != "https://login.example/realms/site" || o.Grants.Of("dotm-admins") != auth.Admin {
		t.Errorf("%+v", o)
	}
}

func TestBadAuth(t *testing.T) {
	for text, want := range map[string]string{
		"auth: {htpasswd: {default_role: viewer}}":                                                                 `auth.htpasswd.file must name a file, is ""`,
		"auth: {htpasswd: {file: x, default_role: root}}":                                                          "auth.htpasswd.default_role is not valid: it must be viewer, operator or admin",
		"auth: {htpasswd: {file: x, roles: {anna: boss}}}":                                                         `auth.htpasswd.roles: "anna": role is not valid`,
		"auth: {proxy: {}}":                                                                                        "auth.proxy.user_header must be the name of a header",
		"auth: {proxy: {user_header: Cookie}}":                                                                     `is "Cookie"`,
		"auth: {proxy: {user_header: \"a b\"}}":                                                                    "auth.proxy.user_header must be",
		"auth: {proxy: {user_header: X-User, groups_header: Host}}":                                                `auth.proxy.groups_header must be`,
		"auth: {proxy: {user_header: X-User, default_role: agent}}":                                                "auth.proxy.default_role is not valid",
		"auth: {oidc: {issuer: \"http://login.example\", client_id: x}}":                                           "auth.oidc.issuer is not valid: it must begin with https://",
		"auth: {oidc: {issuer: \"https://login.example\"}}":                                                        "auth.oidc.client_id is not valid",
		"auth: {oidc: {issuer: \"https://login.example\", client_id: x, client_secret: a, client_secret_file: b}}": "auth.oidc.client_secret_file can't stand beside",
		"auth: {ldap: {}}": "ldap",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
