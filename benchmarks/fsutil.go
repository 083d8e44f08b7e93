// Docker's own walk over a context, with the library that BuildKit's client
// uses, and the size of everything it sends. Prints the sums, or with a third
// argument what is sent, separated by NUL.
package main

import (
	"bufio"
	"context"
	"fmt"
	gofs "io/fs"
	"os"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
)

func main() {
	list := bufio.NewWriter(os.Stdout)
	if len(os.Args) < 4 {
		list = nil
	}
	entries, bytes, err := walk(os.Args[1], os.Args[2], list)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if list == nil {
		fmt.Printf("%d entries, %d bytes\n", entries, bytes)
	} else if list.Flush() != nil {
		os.Exit(1)
	}
}

func walk(root, ignoreFile string, list *bufio.Writer) (entries, bytes int64, err error) {
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
	err = filtered.Walk(context.Background(), "", func(path string, entry gofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		entries++
		if list != nil {
			list.WriteString(path + "\x00")
		}
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
