// Command vcsim serves govmomi's simulated vCenter or ESX host to eventd's tests.
//
// It is a stand-in for govmomi's own vcsim, which is a module of its own and cannot be built
// through a Go module proxy. The flags that both have mean the same in both.
//
// The endpoint's URL is the one line on standard output, printed when the host is ready. The
// program ends on SIGTERM, on SIGINT, and when its standard input closes: a test run that dies
// takes its hosts with it.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

type options struct {
	listen, username, password   string
	instanceUUID                 string
	esx, tls                     bool
	domains, standaloneHosts     int
	clusters, hostsInEachCluster int
}

func parseOptions() options {
	var o options
	flag.StringVar(&o.listen, "l", "127.0.0.1:0", "listen address; port 0 takes a free one")
	flag.StringVar(&o.username, "username", "root", "the one user that may log in")
	flag.StringVar(&o.password, "password", "pass", "the password of that user")
	flag.BoolVar(&o.esx, "esx", false, "be a bare ESX host instead of a vCenter")
	flag.BoolVar(&o.tls, "tls", false, "serve HTTPS with a self-signed certificate")
	flag.IntVar(&o.domains, "vm", 2, "virtual machines of each cluster and standalone host")
	flag.IntVar(&o.standaloneHosts, "standalone-host", 1, "hosts outside of clusters (vCenter only)")
	flag.IntVar(&o.clusters, "cluster", 1, "clusters (vCenter only)")
	flag.IntVar(&o.hostsInEachCluster, "host", 3, "hosts of each cluster (vCenter only)")
	flag.StringVar(&o.instanceUUID, "instance-uuid", "", "what names the vCenter (vCenter only)")
	flag.Parse()
	return o
}

// inventory creates the virtual machines, all of them powered on.
func inventory(o options) (*simulator.Model, error) {
	model := simulator.VPX()
	if o.esx {
		model = simulator.ESX()
	} else {
		model.Host = o.standaloneHosts
		model.Cluster = o.clusters
		model.ClusterHost = o.hostsInEachCluster
	}
	model.Machine = o.domains
	if o.instanceUUID != "" {
		model.ServiceContent.About.InstanceUuid = o.instanceUUID
	}
	return model, model.Create()
}

// serve listens; it panics, as govmomi does, when the address is taken.
func serve(model *simulator.Model, o options) *url.URL {
	model.Service.Listen = &url.URL{Host: o.listen, User: url.UserPassword(o.username, o.password)}
	if o.tls {
		model.Service.TLS = new(tls.Config)
	}
	endpoint := *model.Service.NewServer().URL
	endpoint.User = nil
	return &endpoint
}

func main() {
	o := parseOptions()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	model, err := inventory(o)
	defer model.Remove()
	if err != nil {
		log.Panicf("the simulated inventory could not be made: %v", err)
	}
	fmt.Println(serve(model, o))

	// The server is not closed: that waits for calls in progress, and a client's wait for updates
	// may have no end.
	<-ctx.Done()
}
