package api

// Allowed is the rule of the control socket.
var Allowed = allowed

// Routes lists the patterns of the API.
func Routes(s *Server) (patterns []string) {
	for _, rt := range s.routes() {
		patterns = append(patterns, rt.pattern)
	}
	return patterns
}
