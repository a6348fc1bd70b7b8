package main

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/devops-trouble-map/dotm/api"
	"github.com/devops-trouble-map/dotm/cmd/dotm/console"
	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/limit"
	"github.com/devops-trouble-map/dotm/mapping"
	"github.com/devops-trouble-map/dotm/store"
)

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Check a configuration file."`
	Print configPrintCmd `cmd:"" help:"Print the configuration in force: the defaults, and a file's over them."`
}

type configCheckCmd struct {
	File string `arg:"" help:"Configuration file." type:"path"`
}

// Run says that the file is fine, or what is wrong.
func (c *configCheckCmd) Run(g *console.Globals) error {
	if _, err := config.Load(c.File); err != nil {
		return err
	}
	if g.JSON {
		return console.WriteJSON(g.Out, map[string]any{"file": c.File, "ok": true})
	}
	_, err := fmt.Fprintf(g.Out, "%s is fine.\n", c.File)
	return err
}

type configPrintCmd struct {
	File string `arg:"" optional:"" help:"Configuration file." type:"path"`
}

// inForce is the configuration with every default filled in.
type inForce struct {
	Listen   string            `json:"listen" yaml:"listen"`
	Data     string            `json:"data" yaml:"data"`
	TLS      config.TLS        `json:"tls" yaml:"tls"`
	Auth     config.Auth       `json:"auth" yaml:"auth"`
	Nodes    []config.Node     `json:"nodes" yaml:"nodes"`
	Sources  []config.Source   `json:"sources" yaml:"sources"`
	Aliases  map[string]string `json:"aliases" yaml:"aliases"`
	Mapping  []mapping.Rule    `json:"mapping" yaml:"mapping"`
	GeoIP    []string          `json:"geoip" yaml:"geoip"`
	Places   []api.Site        `json:"places" yaml:"places"`
	Limits   limit.Settings    `json:"limits" yaml:"limits"`
	Settings store.Settings    `json:"settings" yaml:"settings"`
}

// Run prints the configuration in force, as a file that would give it.
func (c *configPrintCmd) Run(g *console.Globals) error {
	all := inForce{Listen: flags.DefaultListen, Data: flags.DefaultData(), Nodes: []config.Node{}, Sources: []config.Source{}, GeoIP: []string{}, Places: []api.Site{}, Limits: limit.Defaults(), Settings: store.Defaults()}
	if c.File != "" {
		cfg, err := config.Load(c.File)
		if err != nil {
			return err
		}
		if cfg.Listen != "" {
			all.Listen = cfg.Listen
		}
		if cfg.Data != "" {
			all.Data = cfg.Data
		}
		all.TLS, all.Nodes, all.GeoIP = cfg.TLS, cfg.Nodes, cfg.GeoIP
		all.Auth = cfg.Auth
		if o := cfg.Auth.OIDC; o != nil && o.ClientSecret != "" {
			shown := *o
			shown.ClientSecret = "(not shown)"
			all.Auth.OIDC = &shown
		}
		for _, s := range cfg.Sources {
			if s.Password != "" {
				s.Password = "(not shown)"
			}
			all.Sources = append(all.Sources, s)
		}
		if cfg.Places != nil {
			all.Places = cfg.Places
		}
		all.Limits = cfg.Limits.Apply(all.Limits)
		all.Settings = cfg.Settings.Apply(all.Settings)
	}
	all.Aliases, all.Mapping = all.Settings.Aliases, all.Settings.Mapping
	if g.JSON {
		return console.WriteJSON(g.Out, all)
	}
	raw, err := yaml.Marshal(all)
	if err != nil {
		return fmt.Errorf("printing configuration: %w", err)
	}
	_, err = g.Out.Write(raw)
	return err
}
