// Package api is the control API of a node, /api/v1: JSON over HTTP on loopback, for the command line and for programs of
// the same user. Server is the node's side, Client the other; openapi.yaml describes both and is served by the node.
//
// It holds no state of its own: package jobs owns the jobs, internal/node the network. It never serves content to a browser:
// that is what fproxy is for.
//
// # Who may call
//
// Every program on the machine can reach a loopback port, and every web page can make a browser reach it. So a request must name a
// loopback host (a page that rebinds its own name to 127.0.0.1 does not), must not come from a page of another origin
// (a site that the proxy serves is another origin), and must carry the token, which is in a file of the data directory that
// only its user can read. Bodies of JSON must say that they are JSON, which a form of another site cannot.
//
// # Invariants
//
//  1. No handler but that of openapi.yaml runs without host, origin and token being checked, in this order.
//  2. A JSON body is at most maxJSON bytes and one value without unknown fields; it is read and answered within jsonTime.
//  3. Every failure is answered with {"error": {"code", "message"}}; codes come from one table (errors.go) and never change
//     their meaning.
//  4. The bytes of a get are complete or visibly cut: a failure in the middle breaks the connection.
//  5. A slow listener to events delays nobody, costs what is in its connection and one place for each job, and is let go when it stops
//     reading for listenTime.
//  6. Every route is in openapi.yaml and every path there is a route.
//  7. A node whose store is locked answers status, store/unlock, store/wipe and shutdown, and to all else that it is locked.
//  8. A path that a request names is absolute. The insert key of a site leaves in the answer to export alone, sealed.
//
// # Concurrency
//
// A Server and a Client are safe for concurrent use. A Server starts no goroutines: each request runs in its own, a job's
// transfer in that of the request that carries its data, so that a client that goes away takes its job with it. Queued jobs are
// run by package jobs, whoever listens. A Client's
// Upload starts one, which reads the content.
//
// # Reading order
//
// server.go (routes), guard.go, errors.go, messages.go, jobmessages.go, then the handlers: control.go, keeper.go, jobs.go, data.go, events.go, sites.go; client.go
// and transfer.go. Packages datadir and foldertar below are the two things that both sides share.
package api
