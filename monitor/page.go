package monitor

import (
	"net/url"
	"strings"
)

// PageLink leads to a host or, with a name, to a service of it in the pages of a
// monitoring system whose address is base: those of Checkmk, of Icinga Web (its
// module icingadb, or monitoring if base ends so), else the classic extinfo.cgi of
// Nagios, Icinga 1 and Thruk. It is empty if base is no http or https URL.
func PageLink(base, host, name string) string {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return ""
	}
	page, names := pageOf(u.Path, host, name)
	query := make([]string, 0, len(names))
	for _, n := range names {
		query = append(query, n[0]+"="+url.QueryEscape(n[1]))
	}
	link := u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/") + page + "?" + strings.Join(query, "&")
	if len(link) > MaxLink {
		return ""
	}
	return link
}

// pageOf is the page of a host or service below a path, with its parameters.
func pageOf(path, host, name string) (page string, parameters [][2]string) {
	path = strings.TrimRight(path, "/")
	module := "/icingadb"
	switch {
	case strings.Contains(path, "check_mk"):
		view := [2]string{"view_name", "hoststatus"}
		if name == "" {
			return "/view.py", [][2]string{view, {"host", host}}
		}
		view[1] = "service"
		return "/view.py", [][2]string{view, {"host", host}, {"service", name}}
	case strings.HasSuffix(path, "/monitoring"):
		if name == "" {
			return "/host/show", [][2]string{{"host", host}}
		}
		return "/service/show", [][2]string{{"host", host}, {"service", name}}
	case strings.Contains(path, "icingaweb") || strings.HasSuffix(path, module):
		if strings.HasSuffix(path, module) {
			module = ""
		}
		if name == "" {
			return module + "/host", [][2]string{{"name", host}}
		}
		return module + "/service", [][2]string{{"name", name}, {"host.name", host}}
	case name == "":
		return "/extinfo.cgi", [][2]string{{"type", "1"}, {"host", host}}
	}
	return "/extinfo.cgi", [][2]string{{"type", "2"}, {"host", host}, {"service", name}}
}
