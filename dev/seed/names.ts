import { between, pick, type Random, weighted } from "./random.ts";

/** Words of a script, and their separator. */
interface Script {
  words: string[];
  joint: string;
}

const split = (words: string) => words.split("|");

/** Words for names of codes, by script: menus, tickets, posters, tables. */
export const scripts: Record<string, Script> = {
  latin: {
    words: split(
      "Menu|Summer festival|Poster|Table|Ticket|Flyer|Wi-Fi for guests|Loyalty card|Job advert|Main station",
    ),
    joint: " ",
  },
  diacritics: {
    words: split(
      "Café Müller|Fête d’été|Señalización|Čokoláda|Łódź|Smörgåsbord|Kärcher Straße|Ação de Graças|Đà Nẵng|Şişli çarşısı|Þingvellir|Ōsaka",
    ),
    joint: " ",
  },
  cyrillic: {
    words: split("Меню|Летний фестиваль|Плакат|Стол|Билет|Кав’ярня|Вокзал|Їжа та напої|Скидка|Запрошення"),
    joint: " ",
  },
  greek: {
    words: split("Κατάλογος|Καλοκαιρινή γιορτή|Αφίσα|Τραπέζι|Εισιτήριο|Καφενείο|Προσφορά|Ξενάγηση"),
    joint: " ",
  },
  arabic: { words: split("قائمة الطعام|مهرجان الصيف|ملصق|طاولة|تذكرة|مقهى|خصم|محطة القطار"), joint: " " },
  hebrew: { words: split("תפריט|פסטיבל קיץ|כרזה|שולחן|כרטיס|בית קפה|הנחה|תחנת הרכבת"), joint: " " },
  chinese: { words: split("菜单|夏日节|海报|桌号|门票|咖啡馆|优惠券|火车站|會員卡|導覽"), joint: "" },
  japanese: { words: split("メニュー|夏祭り|ポスター|テーブル|チケット|喫茶店|割引|駅前|ご案内|お品書き"), joint: "" },
  korean: { words: split("메뉴|여름 축제|포스터|테이블|입장권|카페|할인|기차역"), joint: " " },
  thai: { words: split("เมนู|เทศกาลฤดูร้อน|โปสเตอร์|โต๊ะ|ตั๋ว|ร้านกาแฟ|ส่วนลด|สถานีรถไฟ"), joint: "" },
  devanagari: { words: split("मेन्यू|ग्रीष्म उत्सव|पोस्टर|मेज़|टिकट|कॉफ़ी हाउस|छूट|रेलवे स्टेशन"), joint: " " },
  georgian: { words: split("მენიუ|ზაფხულის ფესტივალი|პლაკატი|მაგიდა|ბილეთი"), joint: " " },
  emoji: { words: split("🍕 Pizza|🎉|👩‍🍳 Chef|🇪🇺|☕️ Coffee|🎟️ Tickets|🏳️‍🌈 Pride|👨‍👩‍👧‍👦 Family day|✨"), joint: " " },
};

const pickScript = weighted([
  [scripts.latin as Script, 30],
  [scripts.diacritics as Script, 18],
  ...Object.entries(scripts)
    .filter(([name]) => name !== "latin" && name !== "diacritics")
    .map(([, script]) => [script, 5] as const),
]);

/** Returns the length of a name: usually a typical one, sometimes at a limit. */
const pickShape = weighted([
  ["usual", 86],
  ["long", 6],
  ["unbroken", 4],
  ["longest", 2],
  ["shortest", 2],
]);

const lengthMax = 200;

/** Cuts a text to the given number of code points, the last of which is not a blank. */
function cut(text: string, length: number): string {
  return [...text].slice(0, length).join("").replace(/\s$/u, "…");
}

/** Joins words of a script until there are at least the given number of code points. */
function fill(random: Random, { words, joint }: Script, length: number): string {
  let text = pick(random, words);
  while ([...text].length < length) text += joint + pick(random, words);
  return text;
}

/** Returns the name of a code: 1 to 200 code points, of one of several scripts, with and without blanks. */
export function codeName(random: Random): string {
  const script = pickScript(random);
  switch (pickShape(random)) {
    case "long":
      return cut(fill(random, script, lengthMax), between(random, 60, lengthMax));
    case "unbroken": {
      const text = fill(random, script, 2 * lengthMax).replaceAll(/\s/gu, "");
      return cut(text, between(random, 40, lengthMax));
    }
    case "longest":
      return cut(fill(random, script, lengthMax), lengthMax);
    case "shortest":
      return cut(pick(random, script.words), 1);
    default: {
      const words = Array.from({ length: between(random, 1, 3) }, () => pick(random, script.words));
      const number = random() < 0.5 ? ` ${between(random, 1, 400)}` : "";
      return `${words.join(script.joint || " ")}${number}`;
    }
  }
}

/** Returns a project's name, 1 to 100 code points, and its description, 0 to 500 with line breaks. */
export function projectText(random: Random, number: number): { name: string; description: string } {
  const script = pickScript(random);
  const isLong = random() < 0.05;
  const name = cut(isLong ? fill(random, script, 100) : `${pick(random, script.words)} ${number}`, 100);
  const lines = Array.from({ length: between(random, 0, 3) }, () => fill(random, pickScript(random), 30));
  return { name, description: cut(lines.join("\n"), random() < 0.03 ? 500 : 200) };
}

/** Returns a caption: at most 40 characters of the scripts that can be drawn. */
export function caption(random: Random): string {
  return pick(random, captions);
}

const captions = split(
  "Scan me|Our menu|Unsere Karte|Menú del día|À bientôt|Zeskanuj mnie|Отсканируй меня|Наше меню|Σάρωσέ με|मेनू देखें|Quét mã|Tickets & Einlass – Halle 3, Nordeingang",
);

const owners = split(
  "ada|björn|chloé|dimitri|elif|fatima|grzegorz|hana|iñaki|jürgen|kenji|lucía|maja|noor|oksana|priya",
);
const businesses = split(
  "café-müller|book-shop|muzeum|gallery|stadtwerke|hotel-adria|bakery|festival|tours|university|clinic|brewery|theatre|zoo",
);

/** Returns an account's e-mail. `number` makes it unique. */
export function email(random: Random, number: number): string {
  return `${pick(random, owners)}.${number}@${pick(random, businesses)}.example`;
}

const keyUses = split(
  "website|label printer|check-out|CRM|nightly import|Kassensystem|приложение|店舗|بوابة|ci|mobile app",
);

/** Returns a key's name, 1 to 100 characters. */
export function keyName(random: Random, number: number): string {
  return random() < 0.03
    ? cut(fill(random, scripts.diacritics as Script, 100), 100)
    : `${pick(random, keyUses)} ${number}`;
}
