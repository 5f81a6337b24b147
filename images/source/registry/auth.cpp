#include "images/source/registry/auth.h"

#include <algorithm>

#include "base/base64.h"
#include "base/identity.h"
#include "base/json.h"
#include "base/text.h"
#include "images/source/registry/url.h"

namespace stack::images::registry {

namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kShortestLife{60};
constexpr seconds kLongestLife{24 * 3600};
// A token is not used in its last seconds: it must still be valid when it reaches the registry.
constexpr seconds kMargin{10};
constexpr size_t kMostTokens = 1000;
constexpr const char* kClientId = "stack";

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string out;
  for (const auto& [key, value] : fields) out += (out.empty() ? "" : "&") + key + "=" + query_escape(value);
  return out;
}

std::string basic(const RegistryCredentials& credentials) {
  return "Basic " + encode_base64(credentials.username + ":" + credentials.password);
}

// Secrets are not kept in the map's keys.
std::string key_of(const AuthRequest& request) {
  const RegistryCredentials& c = request.credentials;
  std::string secret = c.username + '\0' + c.password + '\0' + c.identity_token + '\0' + c.registry_token;
  return request.origin + "|" + join(request.scopes, " ") + "|" + (c.empty() ? "" : sha256_hex(secret));
}

Error needs_login(const AuthRequest& request, const std::string& why) {
  return invalid(why + (request.credentials.empty() ? ", and no credentials are available" : ""));
}

std::vector<std::string> wanted_scopes(const AuthRequest& request, const Challenge& challenge) {
  std::vector<std::string> scopes = request.scopes;
  for (const std::string& scope : split(challenge.parameter("scope"), ' '))
    if (!scope.empty() && std::find(scopes.begin(), scopes.end(), scope) == scopes.end())
      scopes.push_back(scope);
  return scopes;
}

std::string service_error(const HttpResponse& response) {
  std::string text = "the token service answered " + std::to_string(response.status);
  Result<Json> body = parse_json(response.body);
  if (!body || !body->is_object()) return text;
  for (const char* key : {"error_description", "details", "message", "error"})
    if (std::string reason = string_or(*body, key); !reason.empty())
      return text + ": " + reason.substr(0, 300);
  if (auto errors = body->find("errors"); errors != body->end() && errors->is_array() && !errors->empty())
    return text + ": " + string_or((*errors)[0], "message").substr(0, 300);
  return text;
}

}  // namespace

Result<Token> parse_token(std::string_view json) {
  TRY_ASSIGN(Json body, parse_json(json).in("token service"));
  if (!body.is_object()) return invalid("the token service's answer is not an object");
  Token out;
  out.value = string_or(body, "token");
  if (out.value.empty()) out.value = string_or(body, "access_token");
  if (out.value.empty()) return invalid("the token service returned no token");
  // It becomes part of a header field.
  for (char c : out.value)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return invalid("the token service returned an invalid token");
  seconds life{std::clamp<int64_t>(int_or(body, "expires_in"), kShortestLife.count(), kLongestLife.count())};
  out.lifetime = life;
  return out;
}

std::shared_ptr<Authenticator::Entry> Authenticator::entry_of(const AuthRequest& request) {
  std::lock_guard guard(mutex_);
  if (entries_.size() > kMostTokens) {
    auto now = steady_clock::now();
    std::erase_if(entries_, [&](const auto& item) {
      return item.second.use_count() == 1 && item.second->expires < now;
    });
  }
  std::shared_ptr<Entry>& entry = entries_[key_of(request)];
  if (!entry) entry = std::make_shared<Entry>();
  return entry;
}

std::optional<std::string> Authenticator::known(const AuthRequest& request) {
  if (!request.credentials.registry_token.empty()) return "Bearer " + request.credentials.registry_token;
  std::shared_ptr<Entry> entry = entry_of(request);
  std::lock_guard guard(entry->mutex);
  if (entry->value.empty() || entry->expires <= steady_clock::now()) return std::nullopt;
  return entry->value;
}

Result<std::string> Authenticator::answer(const AuthRequest& request,
                                          const std::vector<std::string>& challenges,
                                          const std::string& refused) {
  std::optional<Challenge> challenge = choose_challenge(challenges);
  if (!challenge) return needs_login(request, "it requires an unsupported kind of authentication");
  std::shared_ptr<Entry> entry = entry_of(request);
  std::lock_guard guard(entry->mutex);
  auto now = steady_clock::now();
  if (!entry->value.empty() && entry->value != refused && entry->expires > now) return entry->value;
  if (challenge->scheme == "basic") {
    if (request.credentials.username.empty())
      return needs_login(request, "it requires a user name and password");
    std::string value = basic(request.credentials);
    if (value == refused) return needs_login(request, "it does not accept the user name and password");
    entry->value = value;
    entry->expires = now + kLongestLife;
    return value;
  }
  TRY_ASSIGN(Token token, fetch_token(request, *challenge));
  entry->value = "Bearer " + token.value;
  entry->expires = now + token.lifetime - kMargin;
  return entry->value;
}

HttpRequest Authenticator::token_request(const AuthRequest& request, const std::string& realm) const {
  HttpRequest out;
  out.url = realm;
  out.headers = {{"Accept", "application/json"}};
  std::optional<Url> registry = parse_url(request.origin);
  std::optional<Url> service = parse_url(realm);
  if (registry && service && registry->host == service->host) out.tls = request.tls;
  out.proxy = request.proxy;
  out.stop = request.stop;
  return out;
}

Result<Token> Authenticator::fetch_token(const AuthRequest& request, const Challenge& challenge) {
  std::optional<Url> realm = parse_url(challenge.parameter("realm"));
  if (!realm) return invalid("its token service has no valid address");
  std::optional<Url> registry = parse_url(request.origin);
  bool secret = !request.credentials.empty();
  if (secret && realm->scheme == "http" && registry && registry->scheme == "https")
    return invalid("its token service " + realm->origin() + " would get the credentials unencrypted");
  if (secret) {
    bool fall_back = false;
    Result<Token> token = post_token(request, challenge, fall_back);
    if (token || !fall_back) return token;
  }
  return get_token(request, challenge);
}

Result<Token> Authenticator::post_token(const AuthRequest& request, const Challenge& challenge,
                                        bool& fall_back) {
  const RegistryCredentials& c = request.credentials;
  HttpRequest post = token_request(request, challenge.parameter("realm"));
  post.method = "POST";
  post.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  std::vector<std::pair<std::string, std::string>> fields{
      {"service", challenge.parameter("service")},
      {"scope", join(wanted_scopes(request, challenge), " ")},
      {"client_id", kClientId}};
  if (!c.identity_token.empty()) {
    fields.emplace_back("grant_type", "refresh_token");
    fields.emplace_back("refresh_token", c.identity_token);
  } else {
    fields.emplace_back("grant_type", "password");
    fields.emplace_back("username", c.username);
    fields.emplace_back("password", c.password);
  }
  post.body = form(fields);
  Exchange<HttpResponse> answer = transport_.perform(post);
  if (!answer) return std::move(answer.error().error).in("token service");
  if (answer->status == 200) return parse_token(answer->body);
  bool no_oauth =
      answer->status == 400 || answer->status == 401 || answer->status == 404 || answer->status == 405;
  // A refresh token works only with OAuth.
  fall_back = no_oauth && c.identity_token.empty();
  return invalid(service_error(*answer));
}

Result<Token> Authenticator::get_token(const AuthRequest& request, const Challenge& challenge) {
  std::string url = challenge.parameter("realm");
  if (std::string service = challenge.parameter("service"); !service.empty())
    url = with_query(url, "service", service);
  for (const std::string& scope : wanted_scopes(request, challenge)) url = with_query(url, "scope", scope);
  HttpRequest get = token_request(request, url);
  if (!request.credentials.username.empty()) {
    get.url = with_query(get.url, "account", request.credentials.username);
    get.headers.emplace_back("Authorization", basic(request.credentials));
  }
  for (int redirects = 0; redirects < 5; ++redirects) {
    Exchange<HttpResponse> answer = transport_.perform(get);
    if (!answer) return std::move(answer.error().error).in("token service");
    if (answer->status == 200) return parse_token(answer->body);
    bool moved = answer->status >= 301 && answer->status <= 308 && answer->status != 304;
    std::optional<Url> base = parse_url(get.url);
    std::optional<Url> next = base ? resolve_location(*base, answer->headers.get("location")) : std::nullopt;
    if (!moved || !next) return needs_login(request, service_error(*answer));
    if (next->origin() != base->origin())
      std::erase_if(get.headers, [](const auto& field) { return field.first == "Authorization"; });
    get.url = next->text();
  }
  return invalid("the token service redirects too many times");
}

}  // namespace stack::images::registry
