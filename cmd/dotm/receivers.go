package main

import (
	"fmt"
	"io"
	"os"

	"github.com/devops-trouble-map/dotm/cmd/dotm/flags"
	"github.com/devops-trouble-map/dotm/config"
	"github.com/devops-trouble-map/dotm/notify"
	"github.com/devops-trouble-map/dotm/notify/alertmanager"
	"github.com/devops-trouble-map/dotm/notify/email"
	"github.com/devops-trouble-map/dotm/notify/webhook"
)

// receiversOf are those of the configuration, with their secrets and templates.
func receiversOf(cfg *config.Config) ([]notify.Receiver, error) {
	var out []notify.Receiver
	for i := range cfg.Notify {
		r := &cfg.Notify[i]
		o := r.Options
		switch {
		case r.PasswordFile != "":
			secret, err := flags.ReadSecret(r.PasswordFile)
			if err != nil {
				return nil, fmt.Errorf("notify[%d].password_file: %w", i, err)
			}
			o.Password = secret
		case o.Password == "":
			o.Password = os.Getenv(passwordVariable("NOTIFY", o.Name))
		}
		if r.TemplateFile != "" {
			text, err := readTemplate(r.TemplateFile)
			if err != nil {
				return nil, fmt.Errorf("notify[%d].template_file: %w", i, err)
			}
			o.Template = text
		}
		if err := o.Validate(); err != nil {
			return nil, fmt.Errorf("notify[%d].%w", i, err)
		}
		out = append(out, notify.Receiver{Options: o, Sender: senderOf(o)})
	}
	return out, nil
}

// senderOf chooses the sender of a kind; options are valid.
func senderOf(o notify.Options) notify.Sender {
	switch o.Kind {
	case notify.Alertmanager:
		return alertmanager.New(o)
	case notify.Email:
		return email.New(o)
	default:
		return webhook.New(o)
	}
}

// readTemplate reads a template of a notice.
func readTemplate(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // reading only
	raw, err := io.ReadAll(io.LimitReader(f, notify.MaxText+1))
	if err != nil {
		return "", err
	}
	if len(raw) > notify.MaxText {
		return "", fmt.Errorf("%s must be at most %d bytes", path, notify.MaxText)
	}
	return string(raw), nil
}
