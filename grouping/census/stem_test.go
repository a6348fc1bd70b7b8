package census

import "testing"

func TestStem(t *testing.T) {
	for name, want := range map[string]string{
		"web01":                       "web",
		"web-07.example.com":          "web",
		"WEB_7":                       "web",
		"dc1-web-01":                  "dc-web",
		"dock1/api-2":                 "api",
		"api-7d9f8b6c5-2":             "api",
		"web01@b2c3":                  "web-bc",
		"shop-web-x1":                 "shop-web",
		"ip-10-0-0-7":                 "",
		"node3":                       "",
		"10.0.0.7":                    "",
		"fe80::1":                     "",
		"a":                           "",
		"":                            "",
		"db":                          "db",
		"mysql8-main":                 "mysql-main",
		"--":                          "",
		"host/":                       "",
		"xn--bcher-kva.example":       "xn-bcher-kva",
		"Ünïcode1":                    "ünïcode",
		"very-long-name-of-a-host-11": "very-long-name-of-a-host",
	} {
		if got := Stem(name); got != want {
			t.Errorf("Stem(%q) = %q, want %q", name, got, want)
		}
	}
}
