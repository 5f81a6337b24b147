// One connection of the dashboard's server. Blocking; ends when the peer, the engine, or the server ends.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "cli/dashboard/access.h"
#include "cli/dashboard/routes.h"
#include "cli/dashboard/server.h"
#include "http/wire/request_parser.h"

namespace stack::cli {

class DashboardConnection {
 public:
  // `stop` becomes readable when the server stops.
  DashboardConnection(Fd socket, int stop, Access& access, const DashboardBackend& backend);
  // Reads one request and answers it.
  void serve();

 private:
  bool read_request();
  bool read_body();
  bool receive();
  void dispatch();
  void perform(const Route& route);
  // The session's secret: the field X-Stack-Session or, for a WebSocket, a subprotocol.
  std::string session_secret() const;
  void open_session();
  void send_page(const std::string& path);
  void send_json(int status, const Json& body);
  void refuse(int status, std::string_view text);
  void send_response(int status, std::string_view fields, std::string_view body);
  Result<> relay(const std::string& target);
  // Passes the engine's bytes on until one side ends.
  Result<> pump(int engine);
  Result<> send_reduced(const std::string& target);
  Result<> send_plan(const std::string& project);
  void open_terminal(const std::string& container);
  bool send(std::string_view bytes);

  Fd socket_;
  int stop_;
  Access& access_;
  const DashboardBackend& backend_;
  http::RequestParser parser_;
  std::string input_;  // received after the request
};

}  // namespace stack::cli
