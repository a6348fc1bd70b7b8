package monitor

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// WebLink is a URL that a browser may follow, http or https; empty if s is none.
func WebLink(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || len(s) > MaxLink {
		return ""
	}
	return u.String()
}

// CGIFolders are the folders where the CGIs of Nagios or Icinga may be, without a
// slash at the end, by a URL that people know: that of the folder, of one of the
// CGIs, of the pages, or of the host alone. names are what such a system is called
// in a path: "nagios4", "nagios".
func CGIFolders(u *url.URL, names ...string) (list []string) {
	root, path := u.Scheme+"://"+u.Host, folderPath(u)
	switch {
	case strings.Contains(path, "cgi-bin/"):
		return []string{root + path}
	case strings.HasSuffix(path, "cgi-bin"):
		list = append(list, root+path)
		for _, name := range names {
			list = append(list, root+path+"/"+name)
		}
		return list
	case path == "":
		for _, name := range names {
			list = append(list, root+"/"+name+"/cgi-bin", root+"/cgi-bin/"+name)
		}
		return append(list, root+"/cgi-bin")
	}
	return []string{root + path + "/cgi-bin", root + path, root + "/cgi-bin" + path}
}

// folderPath is the path of a URL without the page that it names.
func folderPath(u *url.URL) string {
	path := strings.TrimRight(u.EscapedPath(), "/")
	i := strings.LastIndexByte(path, '/')
	if i >= 0 && slices.Contains([]string{".cgi", ".php", ".html"}, path[max(i, strings.LastIndexByte(path, '.')):]) {
		return path[:i]
	}
	return path
}

// PageFolder is what [PageLink] takes, by the option link of Nagios and its like:
// the folder of extinfo.cgi, if that names their own pages, as it is if it names
// others (Thruk, Checkmk, Icinga Web); empty for an empty one. What is no link is an
// [*OptionError].
func PageFolder(link string) (string, error) {
	if link == "" {
		return "", nil
	}
	if WebLink(link) == "" {
		return "", &OptionError{Field: "link", Rule: "must begin with http:// or https:// and name a host", Value: link}
	}
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return "", &OptionError{Field: "link", Rule: "must be a URL", Value: link}
	}
	path := folderPath(u)
	if !otherPages.MatchString(path) {
		path += "/cgi-bin"
	}
	return u.Scheme + "://" + u.Host + path, nil
}

// otherPages are paths that are not completed.
var otherPages = regexp.MustCompile(`cgi-bin|check_mk|icingaweb|icingadb|thruk|/monitoring$`)
