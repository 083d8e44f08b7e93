// Docker's own walk over a context, with the library that BuildKit's client
// uses, and the size of everything it sends. Nothing is printed but the sums.
package main

import (
	"context"
	"fmt"
	gofs "io/fs"
	"os"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

func main() {
	entries, bytes, err := walk(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("%d entries, %d bytes\n", entries, bytes)
}

func walk(root, ignoreFile string) (entries, bytes int64, err error) {
	patterns, err := read(ignoreFile)
	if err != nil {
		return
	}
	filtered, err := fsutil.NewFS(root)
	if err == nil && patterns != nil {
		filtered, err = fsutil.NewFilterFS(filtered, &fsutil.FilterOpt{ExcludePatterns: patterns})
	}
	if err != nil {
		return
	}
	err = filtered.Walk(context.Background(), "", func(_ string, entry gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		entries++
		if info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	})
	return
}

func read(ignoreFile string) ([]string, error) {
	file, err := os.Open(ignoreFile)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ignorefile.ReadAll(file)
}
