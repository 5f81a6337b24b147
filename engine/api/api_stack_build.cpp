// Builds of our own clients: from directories of this machine, with progress as events.
#include "base/text.h"
#include "engine/api/api.h"
#include "engine/api/body_shape.h"
#include "engine/api/stream_queue.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

Task<> bootstrap_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), bootstrap_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  std::stop_source stop;
  auto work = [&s, &stop](std::string reference, Sink sink) -> Task<> {
    BuildSink lines = [sink](const std::string& text, const std::string& stream) {
      sink({{"event", "build"}, {"service", ""}, {"text", text}, {"stream", stream}});
    };
    Result<std::string> made = co_await s.builds.bootstrap(std::move(reference), lines, stop.get_token());
    if (made) {
      sink({{"event", "done"}, {"changed", 1}, {"image", *made}});
    } else {
      sink({{"event", "error"}, {"text", made.error().text()}, {"code", 1}, {"detail", Json::array()}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(string_or(*body, "reference"), queue->sink()));
}

Task<> build_image(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_object();
  if (body) body = check_shape(std::move(*body), build_body());
  if (!body) {
    response.error(body.error());
    co_return;
  }
  compose::Build section;
  section.context = string_or(*body, "context");
  section.dockerfile = string_or(*body, "dockerfile");
  if (body->contains("dockerfile_inline")) section.dockerfile_inline = string_or(*body, "dockerfile_inline");
  section.target = string_or(*body, "target");
  auto tags = body->value("tags", std::vector<std::string>());
  Result<builder::BuildRequest> wanted =
      BuildService::request_of(section, "", build_settings_from(body->value("options", Json::object())));
  if (!wanted) {
    response.error(wanted.error());
    co_return;
  }
  wanted->tags = tags;
  std::stop_source stop;
  auto work = [&s, &stop](builder::BuildRequest build_request, Sink sink) -> Task<> {
    BuildSink lines = [sink](const std::string& text, const std::string& stream) {
      sink({{"event", "build"}, {"service", ""}, {"text", text}, {"stream", stream}});
    };
    auto made = co_await s.builds.build(std::move(build_request), lines, stop.get_token());
    if (made) {
      sink({{"event", "done"}, {"changed", 1}, {"image", *made}});
    } else {
      sink({{"event", "error"},
            {"text", made.error().error.text()},
            {"code", 1},
            {"detail", made.error().output}});
    }
  };
  auto queue = std::make_shared<StreamQueue>(s.context.io);
  request.on_client_gone([&stop, queue] {
    stop.request_stop();
    queue->leave();
  });
  co_await queue->serve(response, work(std::move(*wanted), queue->sink()));
}

}  // namespace

void add_stack_build_routes(http::Router& router, Services& s) {
  router.post("/stack/v1/images/bootstrap",
              [&s](Request& q, Response& r) -> Task<> { co_await bootstrap_image(s, q, r); });
  router.post("/stack/v1/build", [&s](Request& q, Response& r) -> Task<> { co_await build_image(s, q, r); });
}

}  // namespace stack::engine
