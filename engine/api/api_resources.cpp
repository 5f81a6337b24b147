#include <algorithm>

#include "engine/api/api.h"
#include "engine/api/body_shape.h"
#include "engine/api/docker_view.h"
#include "engine/api/prune_filter.h"
#include "engine/api/stream_queue.h"
#include "volumes/volume.h"

namespace stack::engine {

namespace {

using http::Request;
using http::Response;

images::ImageStore& store(Services& s) { return s.containers.parts().images; }

// ---- images ----

Task<> list_images(Services& s, Request& request, Response& response) {
  Result<http::Filters> filters = http::parse_filters(request.query.get("filters"));
  if (!filters) {
    response.error(filters.error());
    co_return;
  }
  auto fits = [&](const images::Image& image) {
    auto any = [&](const char* key, auto&& test) {
      auto wanted = filters->find(key);
      return wanted == filters->end() || wanted->second.empty() ||
             std::any_of(wanted->second.begin(), wanted->second.end(), test);
    };
    return any("label", [&](const std::string& w) { return label_matches(image.config().labels, w); }) &&
           any("dangling",
               [&](const std::string& w) { return image.repo_tags.empty() == (w == "true" || w == "1"); }) &&
           any("reference", [&](const std::string& w) {
             return std::any_of(image.repo_tags.begin(), image.repo_tags.end(), [&](const std::string& tag) {
               return tag == w || tag.substr(0, tag.rfind(':')) == w;
             });
           });
  };
  Json rows = Json::array();
  for (const images::Image& image : store(s).list())
    if (fits(image)) rows.push_back(store(s).summary_json(image));
  response.json(200, rows);
}

Task<> inspect_image(Services& s, Request& request, Response& response) {
  Result<images::Image> image = store(s).resolve(request.param("name"));
  if (!image) {
    response.error(image.error());
    co_return;
  }
  Json details = store(s).inspect_json(*image);
  // Left the API in 1.45, and docker-compose 1.29 reads it.
  if (request.version < 45) {
    details["Container"] = "";
    details["ContainerConfig"] = details["Config"];
  }
  response.json(200, details);
}

Task<> remove_image(Services& s, Request& request, Response& response) {
  auto work = [&images = store(s), name = request.param("name"), force = request.query.flag("force"),
               users = image_users(s.context)] { return images.remove(name, force, users); };
  Result<images::RemovedImages> removed = co_await offload(s.context.pool, work);
  if (!removed) {
    response.error(removed.error());
    co_return;
  }
  Json rows = Json::array();
  for (const std::string& tag : removed->untagged) rows.push_back({{"Untagged", tag}});
  for (const std::string& id : removed->deleted) rows.push_back({{"Deleted", id}});
  response.json(200, rows);
}

Task<> tag_image(Services& s, Request& request, Response& response) {
  Result<images::Image> image = store(s).resolve(request.param("name"));
  std::string tag = request.query.get("tag");
  Result<Reference> reference = parse_reference(request.query.get("repo") + (tag.empty() ? "" : ":" + tag));
  if (!image || !reference) {
    response.error(image ? reference.error() : image.error());
    co_return;
  }
  Result<> tagged = store(s).tag(image->id, *reference);
  if (tagged) {
    response.no_content(201);
  } else {
    response.error(tagged.error());
  }
}

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

// ---- networks ----

Task<> create_network(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_json();
  if (!body) {
    response.error(body.error());
    co_return;
  }
  NetworkRequest wanted;
  wanted.name = string_or(*body, "Name");
  wanted.driver = string_or(*body, "Driver");
  wanted.internal = bool_or(*body, "Internal");
  wanted.attachable = bool_or(*body, "Attachable");
  wanted.enable_ipv4 = bool_or(*body, "EnableIPv4", true);
  wanted.enable_ipv6 = bool_or(*body, "EnableIPv6");
  auto strings = [&](const Json& object, const char* key, std::map<std::string, std::string>& out) {
    if (!object.is_object() || !object.contains(key) || !object[key].is_object()) return;
    for (const auto& [name, value] : object[key].items())
      if (value.is_string()) out[name] = value.get<std::string>();
  };
  strings(*body, "Options", wanted.options);
  strings(*body, "Labels", wanted.labels);
  if (body->is_object() && body->contains("IPAM") && (*body)["IPAM"].is_object() &&
      (*body)["IPAM"].contains("Config") && (*body)["IPAM"]["Config"].is_array()) {
    for (const Json& pool : (*body)["IPAM"]["Config"]) {
      NetworkRequest::Pool entry{
          string_or(pool, "Subnet"), string_or(pool, "IPRange"), string_or(pool, "Gateway"), {}};
      strings(pool, "AuxiliaryAddresses", entry.auxiliary);
      wanted.pools.push_back(std::move(entry));
    }
  }
  Result<NetworkPtr> made = co_await s.networks.create(std::move(wanted));
  if (made) {
    response.json(201, {{"Id", (*made)->id}, {"Warning", ""}});
  } else {
    response.error(made.error());
  }
}

Task<> list_networks(Services& s, Request& request, Response& response) {
  Result<http::Filters> filters = http::parse_filters(request.query.get("filters"));
  if (!filters) {
    response.error(filters.error());
    co_return;
  }
  auto fits = [&](const Network& network) {
    auto any = [&](const char* key, auto&& test) {
      auto wanted = filters->find(key);
      return wanted == filters->end() || wanted->second.empty() ||
             std::any_of(wanted->second.begin(), wanted->second.end(), test);
    };
    return any("name", [&](const std::string& w) { return network.name().find(w) != std::string::npos; }) &&
           any("id", [&](const std::string& w) { return network.id.starts_with(w); }) &&
           any("driver", [&](const std::string& w) { return network.request.driver == w; }) &&
           any("label", [&](const std::string& w) { return label_matches(network.request.labels, w); });
  };
  Json rows = Json::array();
  for (const NetworkPtr& network : s.networks.list())
    if (fits(*network)) rows.push_back(network_inspect(*network, s.context));
  response.json(200, rows);
}

Task<> change_network_membership(Services& s, Request& request, Response& response, bool connect) {
  Result<Json> body = co_await request.body.read_json();
  Result<ContainerPtr> container =
      body ? s.context.require_container(string_or(*body, "Container")) : Result<ContainerPtr>(body.error());
  if (!container) {
    response.error(container.error());
    co_return;
  }
  Result<> done;
  if (connect) {
    EndpointSpec endpoint;
    endpoint.network = request.param("id");
    if (body->contains("EndpointConfig") && (*body)["EndpointConfig"].is_object()) {
      const Json& config = (*body)["EndpointConfig"];
      for (const Json& alias :
           config.contains("Aliases") && config["Aliases"].is_array() ? config["Aliases"] : Json::array())
        if (alias.is_string()) endpoint.aliases.push_back(alias.get<std::string>());
      if (config.contains("IPAMConfig") && config["IPAMConfig"].is_object()) {
        endpoint.ipv4_address = string_or(config["IPAMConfig"], "IPv4Address");
        endpoint.ipv6_address = string_or(config["IPAMConfig"], "IPv6Address");
      }
    }
    done = co_await s.networks.attach_network(*container, std::move(endpoint));
  } else {
    done = co_await s.networks.detach_network(*container, request.param("id"));
  }
  if (done) {
    response.no_content(200);
  } else {
    response.error(done.error());
  }
}

// ---- volumes ----

Task<> list_volumes(Services& s, Request& request, Response& response) {
  Result<http::Filters> filters = http::parse_filters(request.query.get("filters"));
  if (!filters) {
    response.error(filters.error());
    co_return;
  }
  Json rows = Json::array();
  for (const volumes::Volume& volume : s.containers.parts().volumes.list()) {
    auto any = [&](const char* key, auto&& test) {
      auto wanted = filters->find(key);
      return wanted == filters->end() || wanted->second.empty() ||
             std::any_of(wanted->second.begin(), wanted->second.end(), test);
    };
    bool used = !volume_users(s.context, volume.name).empty();
    if (any("name", [&](const std::string& w) { return volume.name.find(w) != std::string::npos; }) &&
        any("label", [&](const std::string& w) { return label_matches(volume.labels, w); }) &&
        any("dangling", [&](const std::string& w) { return (w == "true" || w == "1") != used; }))
      rows.push_back(volumes::volume_to_json(volume));
  }
  response.json(200, {{"Volumes", rows}, {"Warnings", Json::array()}});
}

Task<> create_volume(Services& s, Request& request, Response& response) {
  Result<Json> body = co_await request.body.read_json();
  if (!body) {
    response.error(body.error());
    co_return;
  }
  volumes::VolumeSpec spec;
  spec.name = string_or(*body, "Name");
  spec.driver = string_or(*body, "Driver", "local");
  for (auto [key, out] : {std::pair{"DriverOpts", &spec.options}, std::pair{"Labels", &spec.labels}})
    if (body->is_object() && body->contains(key) && (*body)[key].is_object())
      for (const auto& [name, value] : (*body)[key].items())
        if (value.is_string()) (*out)[name] = value.get<std::string>();
  Result<volumes::Volume> made = s.containers.parts().volumes.create(spec);
  if (made) {
    response.json(201, volumes::volume_to_json(*made));
  } else {
    response.error(made.error());
  }
}

Task<> remove_volume(Services& s, Request& request, Response& response) {
  std::string name = request.param("name");
  auto& volumes = s.containers.parts().volumes;
  std::vector<std::string> users = volume_users(s.context, name);
  auto work = [&volumes, name, users] { return volumes.remove(name, users); };
  Result<> removed = co_await offload(s.context.pool, work);
  if (!removed && !(removed.error().kind() == ErrorKind::NotFound && request.query.flag("force"))) {
    response.error(removed.error());
    co_return;
  }
  response.no_content();
}

Task<> prune_volumes(Services& s, Request& request, Response& response) {
  Result<PruneFilter> filter = PruneFilter::read(request.query.get("filters"), {"label", "label!", "all"});
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  bool all = filter->has("all");
  Json deleted = Json::array();
  for (const volumes::Volume& volume : s.containers.parts().volumes.list()) {
    if ((!volume.anonymous && !all) || !filter->fits(volume.labels, "")) continue;
    if (!volume_users(s.context, volume.name).empty()) continue;
    Result<> removed = s.containers.parts().volumes.remove(volume.name, {});
    if (removed) deleted.push_back(volume.name);
  }
  response.json(200, {{"VolumesDeleted", deleted}, {"SpaceReclaimed", 0}});
  co_return;
}

Task<> prune_networks(Services& s, Request& request, Response& response) {
  Result<PruneFilter> filter = PruneFilter::read(request.query.get("filters"), {"label", "label!", "until"});
  if (!filter) {
    response.error(filter.error());
    co_return;
  }
  Json deleted = Json::array();
  for (const NetworkPtr& network : s.networks.list()) {
    bool used = std::any_of(s.context.containers.begin(), s.context.containers.end(), [&](const auto& entry) {
      const std::vector<Endpoint>& endpoints = entry.second->endpoints;
      return std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& e) {
        return e.network_id == network->id || e.spec.network == network->name();
      });
    });
    if (used || network->name() == kDefaultNetwork) continue;
    if (!filter->fits(network->request.labels, network->created_at)) continue;
    Result<> removed = co_await s.networks.remove(network->id);
    if (removed) deleted.push_back(network->name());
  }
  response.json(200, {{"NetworksDeleted", deleted}});
}

}  // namespace

void add_resource_routes(http::Router& router, Services& s) {
  router.get("/images/json", [&s](Request& q, Response& r) -> Task<> { co_await list_images(s, q, r); });
  // What `docker pull`, and `docker run` of an image that is not here, ask for.
  router.post("/images/create", [](Request& q, Response& r) -> Task<> {
    std::string image = q.query.get("fromImage");
    r.error(
        501,
        "cannot pull " + (image.empty() ? "this image" : image) +
            ": there is no registry client yet; build it, or make a base image with `stack image bootstrap`");
    co_return;
  });
  router.get("/images/{name...}/json",
             [&s](Request& q, Response& r) -> Task<> { co_await inspect_image(s, q, r); });
  router.get("/images/{name...}/history", [&s](Request& q, Response& r) -> Task<> {
    Result<images::Image> image = store(s).resolve(q.param("name"));
    if (image) {
      r.json(200, store(s).history_json(*image));
    } else {
      r.error(image.error());
    }
    co_return;
  });
  router.post("/images/{name...}/tag",
              [&s](Request& q, Response& r) -> Task<> { co_await tag_image(s, q, r); });
  router.del("/images/{name...}",
             [&s](Request& q, Response& r) -> Task<> { co_await remove_image(s, q, r); });
  router.post("/stack/v1/images/bootstrap",
              [&s](Request& q, Response& r) -> Task<> { co_await bootstrap_image(s, q, r); });
  router.post("/stack/v1/build", [&s](Request& q, Response& r) -> Task<> { co_await build_image(s, q, r); });

  router.get("/networks", [&s](Request& q, Response& r) -> Task<> { co_await list_networks(s, q, r); });
  router.post("/networks/create",
              [&s](Request& q, Response& r) -> Task<> { co_await create_network(s, q, r); });
  router.post("/networks/prune",
              [&s](Request& q, Response& r) -> Task<> { co_await prune_networks(s, q, r); });
  router.get("/networks/{id}", [&s](Request& q, Response& r) -> Task<> {
    if (NetworkPtr network = s.networks.find(q.param("id"))) {
      r.json(200, network_inspect(*network, s.context));
    } else {
      r.error(404, "network " + q.param("id") + " not found");
    }
    co_return;
  });
  router.post("/networks/{id}/connect",
              [&s](Request& q, Response& r) -> Task<> { co_await change_network_membership(s, q, r, true); });
  router.post("/networks/{id}/disconnect", [&s](Request& q, Response& r) -> Task<> {
    co_await change_network_membership(s, q, r, false);
  });
  router.del("/networks/{id}", [&s](Request& q, Response& r) -> Task<> {
    Result<> removed = co_await s.networks.remove(q.param("id"));
    if (removed) {
      r.no_content();
    } else {
      r.error(removed.error());
    }
  });

  router.get("/volumes", [&s](Request& q, Response& r) -> Task<> { co_await list_volumes(s, q, r); });
  router.post("/volumes/create",
              [&s](Request& q, Response& r) -> Task<> { co_await create_volume(s, q, r); });
  router.post("/volumes/prune", [&s](Request& q, Response& r) -> Task<> { co_await prune_volumes(s, q, r); });
  router.get("/volumes/{name}", [&s](Request& q, Response& r) -> Task<> {
    if (auto volume = s.containers.parts().volumes.find(q.param("name"))) {
      r.json(200, volumes::volume_to_json(*volume));
    } else {
      r.error(404, "get " + q.param("name") + ": no such volume");
    }
    co_return;
  });
  router.del("/volumes/{name}", [&s](Request& q, Response& r) -> Task<> { co_await remove_volume(s, q, r); });
}

}  // namespace stack::engine
