// Command compose-check loads Compose files with the Compose Specification's own loader and prints what they mean.
//
//	compose-check FILE...
//
// Standard output gets the project as one JSON object: merged, interpolated, with every short form written out and every
// path absolute. An invalid file, and one that the loader warns about, is told on standard error with exit code 1; no
// file at all is exit code 2.
//
// Neither the environment nor an .env file is read: what is checked is what a person gets who sets nothing. It talks to
// no container engine, so it says nothing about images, and does not run what the files describe.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(files []string, out, complaints io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(complaints, "compose-check: name the Compose files to load")
		return 2
	}
	project, err := load(context.Background(), files)
	if err == nil {
		_, err = fmt.Fprintln(out, string(project))
	}
	if err != nil {
		fmt.Fprintln(complaints, "compose-check:", err)
		return 1
	}
	return 0
}

// load returns the project that the files describe, as JSON.
func load(ctx context.Context, files []string) ([]byte, error) {
	// The loader tells what it tolerates, such as a variable that is not set, to a log and to nobody else.
	var warnings bytes.Buffer
	logrus.SetOutput(&warnings)
	logrus.SetLevel(logrus.WarnLevel)
	logrus.SetFormatter(plain{})

	options, err := cli.NewProjectOptions(files, cli.WithDiscardEnvFile, cli.WithResolvedPaths(true))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, err
	}
	if warnings.Len() > 0 {
		return nil, errors.New(strings.TrimSpace(warnings.String()))
	}
	return project.MarshalJSON()
}

// plain formats a warning as its message and nothing else.
type plain struct{}

func (plain) Format(entry *logrus.Entry) ([]byte, error) {
	return []byte(entry.Message + "\n"), nil
}
