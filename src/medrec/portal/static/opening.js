// A shared link: asks for the file, opens it with the key of the link, and lists what is in it. The key, and what was
// opened with it, stay here; the records are put in as text, never as markup.
const form = document.querySelector("#open");
const state = document.querySelector("#open-state");
const shown = document.querySelector("#shown");

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

// What the code holds, whole; null for one that is damaged. A key that opens nothing is found out here, before a view of
// the link is used up.
function payload() {
  try {
    const [, text] = /^#shlink:\/([A-Za-z0-9_-]+)$/.exec(location.hash);
    const { url, key, flag } = JSON.parse(new TextDecoder().decode(bytes(text)));
    return bytes(key).length === 32 ? { url: new URL(url), key, guarded: String(flag ?? "").includes("P") } : null;
  } catch {
    return null;
  }
}

async function opened(file, key) {
  const [head, , iv, content, tag] = file.split(".");
  const sealed = new Uint8Array([...bytes(content), ...bytes(tag)]);
  const raw = await crypto.subtle.importKey("raw", bytes(key), "AES-GCM", false, ["decrypt"]);
  const additionalData = new TextEncoder().encode(head);
  let plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: bytes(iv), additionalData }, raw, sealed);
  if (JSON.parse(new TextDecoder().decode(bytes(head))).zip === "DEF") {
    const stream = new Blob([plain]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    plain = await new Response(stream).arrayBuffer();
  }
  return JSON.parse(new TextDecoder().decode(plain));
}

function concept(value) {
  return value?.text || value?.coding?.find((one) => one.display)?.display || value?.coding?.[0]?.code || "";
}

function title(record) {
  if (record.resourceType === "Patient") {
    const name = record.name?.[0] ?? {};
    return [...(name.given ?? []), name.family ?? "", record.birthDate ?? ""].join(" ").trim();
  }
  const { code, medicationCodeableConcept, vaccineCode, type, description } = record;
  for (const one of [code, medicationCodeableConcept, vaccineCode, description, Array.isArray(type) ? type[0] : type]) {
    const text = concept(one);
    if (text) return text;
  }
  return "";
}

function value(record) {
  const parts = [record, ...(record.component ?? [])].map((part) => {
    const { valueQuantity: quantity, valueString: text, valueCodeableConcept: coded } = part;
    return quantity ? `${quantity.value} ${quantity.unit ?? quantity.code ?? ""}`.trim() : text ?? concept(coded);
  });
  return parts.filter(Boolean).join(", ");
}

function when(record) {
  const names = ["effectiveDateTime", "onsetDateTime", "authoredOn", "occurrenceDateTime", "performedDateTime"];
  const more = ["recordedDate", "dateAsserted", "startDate", "issued", "date"];
  const name = [...names, ...more].find((one) => record[one]);
  return name ? String(record[name]).slice(0, 10) : "";
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function list(bundle) {
  const names = JSON.parse(shown.dataset.names);
  const groups = new Map();
  for (const { resource } of bundle.entry ?? []) {
    const name = names[resource.resourceType] ?? shown.dataset.other;
    groups.set(name, [...(groups.get(name) ?? []), resource]);
  }
  const place = document.querySelector("#entries");
  for (const [name, records] of groups) {
    place.append(element("h3", name));
    const rows = document.createElement("ul");
    rows.className = "plain";
    for (const record of records) {
      const row = document.createElement("li");
      const told = element("bdi", [title(record), value(record)].filter(Boolean).join(": ") || record.id);
      row.append(told, " ", element("span", when(record)));
      rows.append(row);
    }
    place.append(rows);
  }
}

function say(text) {
  state.textContent = text;
  state.hidden = false;
}

const link = payload(), none = document.querySelector("#no-link");
if (link) {
  none.hidden = true;
  form.hidden = false;
  document.querySelector("#passcode-field").hidden = !link.guarded;
  form.elements.passcode.required = link.guarded;
} else if (location.hash) none.textContent = none.dataset.damaged;
addEventListener("hashchange", () => location.reload());

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  state.hidden = true;
  if (link.url.origin !== location.origin) return say(form.dataset.other);
  const button = form.querySelector("button");
  button.disabled = true;
  const { recipient, passcode } = form.elements;
  try {
    const body = JSON.stringify({ recipient: recipient.value, passcode: passcode.value });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(link.url, { method: "POST", headers, body, credentials: "omit" });
    const told = await answer.json();
    if (answer.status === 401) say(form.dataset.wrong.replace("{count}", told.remainingAttempts));
    else if (answer.status === 404) say(form.dataset.gone);
    else if (!answer.ok) say(form.dataset.failed);
    else {
      list(await opened(told.files[0].embedded, link.key));
      form.hidden = true;
      shown.hidden = false;
      shown.focus();
    }
  } catch {
    say(form.dataset.failed);
  }
  button.disabled = false;
});
