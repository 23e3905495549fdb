/** Reads the text form of label selectors, with the API server's own complaints. */
import type { Requirement, SelectorOperator } from "./selectors.js";
import { labelValue, qualifiedName } from "./validation/names.js";

interface Token {
  type: "identifier" | "end" | SymbolToken;
  text: string;
}

type SymbolToken = "!" | "=" | "==" | "!=" | "," | "(" | ")" | ">" | "<" | "in" | "notin";

const SYMBOLS = new Set(["!", "=", "==", "!=", ",", "(", ")", ">", "<"]);
const BINARY_OPERATORS = "in, notin, =, ==, !=, gt, lt";
const OPERATOR_OF: Partial<Record<Token["type"], SelectorOperator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "=",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};

function lex(text: string): Token[] {
  const parts = text.match(/==|!=|[!=<>(),]|[^\s!=<>(),]+/g) ?? [];
  return parts.map((part) => ({ type: SYMBOLS.has(part) ? (part as SymbolToken) : "identifier", text: part }));
}

export function parseRequirements(text: string, fail: (message: string) => Error): Requirement[] {
  return new SelectorParser(lex(text), fail).parse();
}

class SelectorParser {
  private position = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly fail: (message: string) => Error,
  ) {}

  /** `in` and `notin` are operators only where an operator may stand; elsewhere they are names. */
  private peek(operatorAllowed = false): Token {
    const token = this.tokens[this.position] ?? { type: "end", text: "" };
    if (!operatorAllowed || token.type !== "identifier") return token;
    return token.text === "in" || token.text === "notin" ? { type: token.text, text: token.text } : token;
  }

  private take(operatorAllowed = false): Token {
    const token = this.peek(operatorAllowed);
    this.position++;
    return token;
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    while (true) {
      const next = this.peek();
      if (next.type === "end") break;
      if (next.type !== "identifier" && next.type !== "!")
        throw this.fail(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.requirement());
      const after = this.take();
      if (after.type === "end") break;
      if (after.type !== ",") throw this.fail(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.peek();
      if (following.type !== "identifier" && following.type !== "!")
        throw this.fail(`found '${following.text}', expected: identifier after ','`);
    }
    return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  }

  private bad(message: string): Error {
    return this.fail(`unable to parse requirement: ${message}`);
  }

  private requirement(): Requirement {
    const negated = this.peek().type === "!";
    if (negated) this.take();
    const name = this.take();
    if (name.type !== "identifier") throw this.bad(`found '${name.text}', expected: identifier`);
    const problems = qualifiedName(name.text);
    if (problems.length > 0)
      throw this.bad(`<nil>: Invalid value: ${JSON.stringify(name.text)}: ${problems.join("; ")}`);
    if (negated) return { key: name.text, operator: "!", values: [] };
    const next = this.peek();
    if (next.type === "end" || next.type === ",") return { key: name.text, operator: "exists", values: [] };
    const token = this.take(true);
    const operator = OPERATOR_OF[token.type];
    if (!operator) throw this.bad(`found '${token.text}', expected: ${BINARY_OPERATORS}`);
    const values = operator === "in" || operator === "notin" ? this.valueList() : [this.exactValue()];
    this.checkValues(name.text, operator, values);
    return { key: name.text, operator, values };
  }

  private exactValue(): string {
    const next = this.peek();
    if (next.type === "end" || next.type === ",") return "";
    const token = this.take();
    if (token.type !== "identifier") throw this.bad(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  private valueList(): string[] {
    const open = this.take();
    if (open.type !== "(") throw this.bad(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    let wantsValue = true;
    while (true) {
      const token = this.take();
      if (token.type === "identifier" && wantsValue) {
        values.add(token.text);
        wantsValue = false;
      } else if (token.type === ",") {
        // An empty place between commas is the empty value.
        if (wantsValue) values.add("");
        wantsValue = true;
      } else if (token.type === ")") {
        if (wantsValue && values.size > 0) values.add("");
        return [...values].sort();
      } else if (wantsValue) throw this.bad(`found '${token.text}', expected: ',', ')' or identifier`);
      else throw this.bad(`found '${token.text}', expected: ',' or ')'`);
    }
  }

  private checkValues(key: string, operator: SelectorOperator, values: readonly string[]): void {
    if (values.length === 0)
      throw this.bad("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
    if (operator === "gt" || operator === "lt") {
      if (!/^[-+]?\d+$/.test(values[0] as string)) {
        const at = `values[0]: Invalid value: ${JSON.stringify(values[0])}`;
        throw this.bad(`${at}: for 'Gt', 'Lt' operators, the value must be an integer`);
      }
    }
    values.forEach((value, index) => {
      const problems = labelValue(value);
      if (problems.length > 0)
        throw this.bad(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${problems.join("; ")}`);
    });
  }
}
