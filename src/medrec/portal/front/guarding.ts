// A guardian's card from its file or from a photo of its code: both are read here, and only its text goes on.
import decodeQR from "qr/decode.js";

const FILE_MAX = 30 << 20, SIDES = [1200, 2400, 600];

// A camera's picture is far larger than its code wants; what one size blurs another may show.
async function fromPicture(file: File): Promise<string> {
  const picture = await createImageBitmap(file);
  for (const side of SIDES) {
    const scale = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const drawn = canvas.getContext("2d", { willReadFrequently: true })!;
    drawn.fillStyle = "#fff";
    drawn.fillRect(0, 0, canvas.width, canvas.height);
    drawn.drawImage(picture, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(drawn.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      continue;
    }
  }
  return "";
}

const field = document.querySelector<HTMLTextAreaElement>("#card");
const pick = document.querySelector<HTMLInputElement>("#card-file");
if (field && pick) {
  const { prefix } = pick.dataset;
  pick.closest<HTMLElement>(".field")!.hidden = false;
  pick.addEventListener("change", async () => {
    const file = pick.files?.[0];
    if (!file) return;
    const read = file.size > FILE_MAX ? "" : file.type.startsWith("image/") ? fromPicture(file) : file.text();
    const text = (await Promise.resolve(read).catch(() => "")).trim();
    const found = text.startsWith(prefix!);
    if (found) field.value = text;
    for (const one of document.querySelectorAll<HTMLElement>("[data-card]")) one.hidden = (one.dataset.card === "read") !== found;
  });
}
