// Command check reads Kubernetes manifests as the API server does: every field must be
// one of its kind, of the right type and given once. It is a module of its own, because
// dotm needs nothing of Kubernetes.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	failed := false
	for _, path := range os.Args[1:] {
		kinds, err := check(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			failed = true
			continue
		}
		fmt.Printf("%s: %v\n", path, kinds)
	}
	if failed || len(os.Args) < 2 {
		os.Exit(1)
	}
}

// check decodes every document of a file, strictly, and gives their kinds.
func check(path string) (kinds []string, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(appsv1.AddToScheme(scheme), corev1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	decode := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for docs := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw))); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return kinds, nil
		}
		if err != nil {
			return nil, err
		}
		object, kind, err := decode.Decode(doc, nil, nil)
		if err != nil {
			return nil, err
		}
		if err := selects(object); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.Kind, err)
		}
		kinds = append(kinds, kind.Kind)
	}
}

// selects tells what the API server refuses and types don't show: a workload whose
// selector isn't for its own pods.
func selects(object runtime.Object) error {
	match := func(selector, labels map[string]string) error {
		for k, v := range selector {
			if labels[k] != v {
				return fmt.Errorf("selector %s=%s is for other pods", k, v)
			}
		}
		return nil
	}
	switch o := object.(type) {
	case *appsv1.Deployment:
		return match(o.Spec.Selector.MatchLabels, o.Spec.Template.Labels)
	case *appsv1.DaemonSet:
		return match(o.Spec.Selector.MatchLabels, o.Spec.Template.Labels)
	}
	return nil
}
