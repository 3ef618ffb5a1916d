// Mailjet's own Node client against the local Mailjet: the calls of its README.
// usage: node mailjet.mjs URL KEY SECRET; prints one line of JSON, name -> [status, body].
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
// The client speaks TLS to every host; the local Mailjet does not, so its requests leave as plain HTTP.
const http = require("node:http");
require("node:https").request = (options, done) =>
  http.request({ ...options, protocol: "http:", agent: undefined, agents: undefined }, done);
const Mailjet = require("node-mailjet").default ?? require("node-mailjet");
const [url, key, secret] = process.argv.slice(2);
const { host } = new URL(url);
const mailjet = new Mailjet({ apiKey: key, apiSecret: secret, config: { host } });

const results = {};

async function note(name, call, data, params) {
  try {
    const { response, body } = await call.request(data, params);
    results[name] = [response.status, body];
  } catch (error) {
    results[name] = [error.statusCode ?? 0, error.response?.data ?? String(error)];
  }
  return results[name][1];
}

const message = {
  From: { Email: "pilot@example.com", Name: "Pilot" },
  To: [{ Email: "passenger@example.com", Name: "Passenger" }],
  Subject: "Your flight plan",
  TextPart: "Dear passenger",
  CustomID: "node-1",
};
const send = { version: "v3.1" };
await note("send", mailjet.post("send", send), { Messages: [message] });
await note("sandbox", mailjet.post("send", send), { Messages: [message], SandboxMode: true });
await note("partial", mailjet.post("send", send), {
  Messages: [message, { ...message, To: [{ Email: "passenger@example..com" }] }],
});
await note("message", mailjet.get("message"), {}, { CustomID: "node-1", ShowCustomID: true });

const contact = await note("contact", mailjet.post("contact", { version: "v3" }), {
  Email: "passenger2@example.com",
  IsExcludedFromCampaigns: false,
  Name: "New Contact",
});
const contactID = contact.Data[0].ID;
const list = await note("list", mailjet.post("contactslist"), { Name: "Crew" });
await note("lists", mailjet.post("contact").id(contactID).action("managecontactslists"), {
  ContactsLists: [{ ListID: list.Data[0].ID, Action: "addnoforce" }],
});
await note("contacts", mailjet.get("contact"), {}, { IsExcludedFromCampaigns: false });
await note("one contact", mailjet.get("contact").id(contactID));
await note("metadata", mailjet.post("contactmetadata"), { Name: "first_name", Datatype: "str" });
await note("data", mailjet.put("contactdata").id(contactID), {
  Data: [{ Name: "first_name", Value: "John" }],
});
const template = await note("template", mailjet.post("template"), { Name: "Node" });
const templateID = template.Data[0].ID;
await note("content", mailjet.put("template").id(templateID).action("detailcontent"), {
  Headers: { Subject: "S" },
  "Html-part": "<p>x</p>",
});
await note("delete template", mailjet.delete("template").id(templateID));
await note("sender", mailjet.post("sender"), { email: "new@example.com" });
// Not v4's erasure: this version writes /v4/REST/contacts/ID, and only the next one /v4/contacts/ID.
await note("not modelled", mailjet.get("parseroute"));

process.stdout.write(JSON.stringify(results));
