#include "engine/container/exec_record.h"

#include "base/fields.h"
#include "base/files.h"

namespace stack::engine {

template <typename V, Like<ExecRequest> S>
void fields(V& v, S& s) {
  v("command", s.command);
  v("user", s.user);
  v("tty", s.tty);
  v("want_stdin", s.want_stdin);
  v("want_output", s.want_output);
  v("privileged", s.privileged);
  v("detach_keys", s.detach_keys);
}

static void settle(const Members& members, ExecRequest& request) {
  if (request.command.empty()) members.fail("command", "it is empty");
}

Result<> record_session(const ExecSession& session, const std::string& folder) {
  TRY(ensure_directory(folder, 0700));
  return write_file(folder + "/exec.json", stack::to_text(fields_to_json(session.request, Defaults::Written)));
}

Result<ExecRequest> read_session(const std::string& folder) {
  TRY_ASSIGN(std::string text, read_file(folder + "/exec.json"));
  TRY_ASSIGN(Json json, parse_json(text));
  ExecRequest request;
  TRY(read_fields(json, request));
  return request;
}

}  // namespace stack::engine
