package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// check writes one Compose file and loads it.
func check(t *testing.T, text string) (code int, out, complaints string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "compose.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code = run([]string{file}, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestShortFormsAreWrittenOut(t *testing.T) {
	code, out, complaints := check(t, `
name: shop
services:
  web:
    image: example/web:1.2.3
    ports: ["127.0.0.1:8080:80"]
    mem_limit: 64m
    environment: [MODE=quiet]
`)
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, complaints)
	}
	var project struct {
		Services map[string]struct {
			Environment map[string]string `json:"environment"`
			Limit       string            `json:"mem_limit"`
			Ports       []struct {
				HostIP    string `json:"host_ip"`
				Target    int    `json:"target"`
				Published string `json:"published"`
			} `json:"ports"`
		} `json:"services"`
	}
	if err := json.Unmarshal([]byte(out), &project); err != nil {
		t.Fatal(err)
	}
	web := project.Services["web"]
	if web.Limit != "67108864" || web.Environment["MODE"] != "quiet" {
		t.Errorf("limit %q, environment %v", web.Limit, web.Environment)
	}
	if len(web.Ports) != 1 || web.Ports[0].HostIP != "127.0.0.1" || web.Ports[0].Target != 80 || web.Ports[0].Published != "8080" {
		t.Errorf("ports %+v", web.Ports)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for name, wrong := range map[string]struct{ text, word string }{
		"an unknown key":        {"name: shop\nservices: {web: {image: a:1, memory_limit: 1m}}", "memory_limit"},
		"an unknown dependency": {"name: shop\nservices: {web: {image: a:1, depends_on: [database]}}", "database"},
		"an undefined volume":   {"name: shop\nservices: {web: {image: a:1, volumes: ['data:/data']}}", "data"},
		"an unset variable":     {"name: shop\nservices: {web: {image: 'a:${TAG}'}}", "TAG"},
		"no YAML":               {"services: [", "yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, complaints := check(t, wrong.text)
			if code != 1 || out != "" || !strings.Contains(complaints, wrong.word) {
				t.Errorf("exit code %d, printed %q, said %q", code, out, complaints)
			}
		})
	}
}

func TestTheEnvironmentIsNotRead(t *testing.T) {
	t.Setenv("TAG", "from-the-environment")
	code, out, complaints := check(t, "name: shop\nservices: {web: {image: 'a:${TAG:-default}'}}")
	if code != 0 || !strings.Contains(out, "a:default") {
		t.Errorf("exit code %d, printed %q, said %q", code, out, complaints)
	}
}

func TestNoFileIsABadCommandLine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run(nil, &stdout, &stderr); code != 2 || stderr.Len() == 0 {
		t.Errorf("exit code %d, said %q", code, stderr.String())
	}
}
