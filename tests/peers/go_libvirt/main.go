// Command go_libvirt lists domains and prints lifecycle events by go-libvirt, which speaks libvirt's
// protocol without libvirt's library.
//
//	go_libvirt SOCKET URI COUNT
//
// The first line has the type and the version of the host, the second the domains with their states, the
// third the error for a name that nobody has; then comes a line for each of COUNT events.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	count, err := strconv.Atoi(os.Args[3])
	must(err)
	client := libvirt.NewWithDialer(dialers.NewLocal(dialers.WithSocket(os.Args[1])))
	must(client.ConnectToURI(libvirt.ConnectURI(os.Args[2])))
	kind, err := client.ConnectGetType()
	must(err)
	uri, err := client.ConnectGetUri()
	must(err)
	fmt.Println(kind, uri)

	domains, err := client.Domains()
	must(err)
	for _, domain := range domains {
		state, _, err := client.DomainGetState(domain, 0)
		must(err)
		fmt.Print(domain.Name, " ", domain.ID, " ", state, "; ")
	}
	fmt.Println()
	_, err = client.DomainLookupByName("nosuch")
	fmt.Println(libvirt.IsNotFound(err), err)

	events, err := client.LifecycleEvents(context.Background())
	must(err)
	fmt.Println("registered")
	for range count {
		event := <-events
		fmt.Println(event.Dom.Name, event.Event, event.Detail)
	}
	must(client.Disconnect())
}
