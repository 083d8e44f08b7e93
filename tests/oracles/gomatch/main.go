// Command gomatch answers questions about ignore files with Docker's own Go
// libraries: one JSON object a line on standard input, one on standard output.
//
// Bytes travel as base64, for neither patterns nor paths need be UTF-8. A
// question holds the bytes of an ignore file (`file`) or its patterns, and
// `paths`, or a directory to list (`root`), of which a build may ask for the
// paths in `follow` alone.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	gofs "io/fs"
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

type question struct {
	File     []byte   `json:"file"`
	Patterns [][]byte `json:"patterns"`
	Paths    [][]byte `json:"paths"`
	Root     []byte   `json:"root"`
	Follow   [][]byte `json:"follow"`
}

type answer struct {
	Patterns [][]byte `json:"patterns"`
	// Error is why the ignore file or the patterns are refused.
	Error string `json:"error"`
	// Walk, OrParent and Deprecated hold "ignored", "sent" or an error for each path.
	Walk       []string `json:"walk"`
	OrParent   []string `json:"or_parent"`
	Deprecated []string `json:"deprecated"`
	// Listed holds what a walk over Root sends, Refused what then cannot be opened.
	Listed  [][]byte `json:"listed"`
	Refused [][]byte `json:"refused"`
	// Includes holds what the paths of Follow come to; null is no filter.
	Includes [][]byte `json:"includes"`
	// WalkError is why the walk over Root stopped.
	WalkError string `json:"walk_error"`
	// Seen is the number of entries that the walk over Root listed, sent or not.
	Seen int `json:"seen"`
}

// counting counts the entries that a walk lists before any filter.
type counting struct {
	fsutil.FS
	seen *int
}

func (c counting) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	return c.FS.Walk(ctx, target, func(path string, entry gofs.DirEntry, err error) error {
		*c.seen++
		return fn(path, entry, err)
	})
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var asked question
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err == nil {
			err = out.Encode(reply(asked))
		}
		if err != nil {
			panic(err)
		}
	}
}

func reply(asked question) (told answer) {
	patterns := make([]string, 0, len(asked.Patterns))
	for _, pattern := range asked.Patterns {
		patterns = append(patterns, string(pattern))
	}
	if asked.File != nil {
		read, err := ignorefile.ReadAll(bytes.NewReader(asked.File))
		if err != nil {
			told.Error = err.Error()
			return
		}
		patterns = read
	}
	for _, pattern := range patterns {
		told.Patterns = append(told.Patterns, []byte(pattern))
	}
	if _, err := patternmatcher.New(patterns); err != nil {
		told.Error = err.Error()
		return
	}
	walk, orParent, deprecated := &matcher{}, &matcher{}, &matcher{}
	for _, raw := range asked.Paths {
		path := string(raw)
		told.Walk = append(told.Walk, walk.ask(patterns, func(m *patternmatcher.PatternMatcher) (bool, error) {
			return chained(m, path)
		}))
		told.OrParent = append(told.OrParent, orParent.ask(patterns, func(m *patternmatcher.PatternMatcher) (bool, error) {
			return m.MatchesOrParentMatches(path)
		}))
		told.Deprecated = append(told.Deprecated, deprecated.ask(patterns, func(m *patternmatcher.PatternMatcher) (bool, error) {
			return m.Matches(path)
		}))
	}
	if len(asked.Root) > 0 {
		var follow []string
		for _, path := range asked.Follow {
			follow = append(follow, string(path))
		}
		list(string(asked.Root), patterns, follow, &told)
	}
	return
}

// matcher is made anew after an error: version 0.6.0 panics when it meets a
// bad pattern for the second time.
type matcher struct {
	made *patternmatcher.PatternMatcher
}

func (m *matcher) ask(patterns []string, question func(*patternmatcher.PatternMatcher) (bool, error)) string {
	if m.made == nil {
		made, err := patternmatcher.New(patterns)
		if err != nil {
			panic(err)
		}
		m.made = made
	}
	ignored, err := question(m.made)
	if err != nil {
		m.made = nil
		return err.Error()
	}
	if ignored {
		return "ignored"
	}
	return "sent"
}

// chained decides about path as a walk does that comes down to it from the top.
func chained(m *patternmatcher.PatternMatcher, path string) (ignored bool, err error) {
	var info patternmatcher.MatchInfo
	parts := strings.Split(path, "/")
	for depth := range parts {
		ignored, info, err = m.MatchesUsingParentResults(strings.Join(parts[:depth+1], "/"), info)
		if err != nil {
			return
		}
	}
	return
}

// list walks root as BuildKit's client does and opens every regular file.
func list(root string, patterns, follow []string, told *answer) {
	plain, err := fsutil.NewFS(root)
	if err == nil && follow != nil {
		var includes []string
		includes, err = fsutil.FollowLinks(plain, follow)
		for _, path := range includes {
			told.Includes = append(told.Includes, []byte(path))
		}
	}
	if err == nil {
		plain = counting{plain, &told.Seen}
		plain, err = fsutil.NewFilterFS(plain, &fsutil.FilterOpt{ExcludePatterns: patterns, FollowPaths: follow})
	}
	if err != nil {
		told.WalkError = err.Error()
		return
	}
	err = plain.Walk(context.Background(), "", func(path string, entry gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := path
		if entry.IsDir() {
			name += "/"
		}
		told.Listed = append(told.Listed, []byte(name))
		if entry.Type().IsRegular() {
			opened, err := plain.Open(path)
			if err != nil {
				told.Refused = append(told.Refused, []byte(name))
			} else {
				opened.Close()
			}
		}
		return nil
	})
	if err != nil {
		told.WalkError = err.Error()
	}
}
