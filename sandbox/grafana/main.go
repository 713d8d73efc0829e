// Reads dashboards and says whether Grafana's own schema takes them: every field known, every required one there.
//
// The types are Grafana's, generated from the schemas that it publishes. Exit status 1, with what is wrong, where one
// is not right.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	// Without them, what is in panels and queries would be taken as it comes.
	plugins.RegisterDefaultPlugins()
	failed := false
	for _, path := range os.Args[1:] {
		if err := check(path); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	read := dashboard.Dashboard{}
	if err := found(read.UnmarshalJSONStrict(raw)); err != nil {
		return err
	}
	return found(read.Validate())
}

// found is err, or nil where it is an empty list: UnmarshalJSONStrict returns that where nothing is wrong.
func found(err error) error {
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 {
		return nil
	}
	return err
}
