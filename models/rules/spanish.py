"""What `why` and `why-not` say, in Spanish: each sentence under its English, which stands where it is said.

The wording is the sentences' own; codes stay as they are, since people type them. A test holds that nothing is missing
and that both languages use the same facts.
"""

from __future__ import annotations

from typing import Any

from models.rules.words import (
    Closing,
    Language,
    NoticeState,
    Reason,
    Risk,
    Status,
    Word,
)


def say(language: Language, text: str, **values: Any) -> str:
    """Return a sentence in a language, given in English with places for its facts."""
    return (text if language is Language.EN else SENTENCES[text]).format(**values)


def spell(language: Language, word: Word) -> str:
    """Return a closed choice in the words of a language."""
    return word.replace("_", " ") if language is Language.EN else CHOICES[type(word)][word]


CHOICES: dict[type[Word], dict[Any, str]] = {
    Status: {
        Status.OPEN: "abierta", Status.AWARDED: "acreditada", Status.WITHDRAWN: "retirada",
        Status.REMOVED: "dada de baja", Status.LAPSED: "vencida", Status.NOT_AWARDED: "no otorgada",
    },
    Risk: {
        Risk.ON_TRACK: "en tiempo", Risk.AT_RISK: "en riesgo", Risk.OVERDUE: "con fecha vencida",
        Risk.ENDED: "concluida",
    },
    NoticeState: {
        NoticeState.PENDING: "pendiente", NoticeState.CLAIMED: "en camino", NoticeState.SENT: "enviado",
        NoticeState.SUPPRESSED: "retenido", NoticeState.CANCELLED: "cancelado",
    },
    Reason: {
        Reason.BEFORE_LIVE: "antes de que empezara el correo", Reason.SUPERSEDED: "hay uno más cercano",
        Reason.NO_RECIPIENT: "sin destinatario", Reason.CASE_ENDED: "el caso concluyó",
        Reason.STAGE_LEFT: "se dejó la etapa", Reason.DEADLINE_MOVED: "se movió la fecha",
        Reason.ESCALATION_CLOSED: "se cerró el escalamiento", Reason.RULE_DROPPED: "la política ya no lo dice",
        Reason.UNDELIVERABLE: "no se pudo entregar", Reason.SKIPPED: "su día quedó muy atrás",
        Reason.DATE_PASSED: "la fecha ya pasó", Reason.ON_HOLD: "en pausa", Reason.SNOOZED: "pospuesto",
        Reason.BY_OPERATOR: "por la operación", Reason.FULFILLED: "cumplido",
        Reason.HOLDER_LEFT: "dejó el cargo", Reason.RESTORED: "quizá salió antes de restaurar la base de datos",
        Reason.OVER_BUDGET: "la semana no tiene más correos", Reason.NOTHING_TO_SAY: "nada que decir",
        Reason.NOTHING_NEW: "nada nuevo desde el último",
    },
    Closing: {
        Closing.ACTIVITY: "hubo actividad", Closing.STAGE_LEFT: "se dejó la etapa", Closing.RECOVERED: "se recuperó",
        Closing.FILLED: "se cubrió el cargo", Closing.DEADLINE_MOVED: "se movió la fecha",
        Closing.CASE_ENDED: "el caso concluyó", Closing.RULE_DROPPED: "la política ya no lo dice",
        Closing.ON_HOLD: "en pausa", Closing.RETRACTED: "se anuló el hecho del que contaba",
        Closing.REACHABLE: "el correo llega de nuevo", Closing.FULFILLED: "cumplido",
        Closing.HOLDER_LEFT: "dejó el cargo",
    },
}
"""The closed choices that are told; those of a case are of an enrollment, hence feminine."""

_STAGES = {
    '"{rule}" is not for cycle {cycle} of this track.': "«{rule}» no es para el ciclo {cycle} de esta modalidad.",
    "its posts were filled": "se cubrieron sus cargos",
    "{milestone} on {on}": "{milestone}, el {on}",
    "It ended on {on}, {status}: {because}.": "Terminó el {on}, {status}: {because}.",
    "It went back from {left} to {entered} on {on}: {because}.": "Volvió de {left} a {entered} el {on}: {because}.",
    "It left {left} for {entered} on {on}: {because}.": "Pasó de {left} a {entered} el {on}: {because}.",
    "It is {status} since {on}, in {stage}; no rule reads it.":
        "Está {status} desde el {on}, en {stage}; ninguna regla la lee.",
    "It stands in {stage} since {since}, {days} days of {budget} expected, and is {risk}{raised}.":
        "Está en {stage} desde el {since}, {days} días de {budget} previstos, y va {risk}{raised}.",
    " In cycle {cycle}, counted from the award of {on}.":
        " En el ciclo {cycle}, contado desde el otorgamiento del {on}.",
    " while {rules} stands": " mientras dure {rules}",
    "The government changes on {on}, before {until}: until then the case is at risk {days} days earlier.":
        "El gobierno cambia el {on}, antes del {until}: hasta entonces el caso está en riesgo {days} días antes.",
    "It came back on {on}: what is not of a later day opens no gate since.":
        "Volvió el {on}: lo que no es de un día posterior ya no cuenta para salir de la etapa.",
    "On record to leave it: {there}.": "Registrado para dejarla: {there}.",
    "All is on record to leave the stage; it will be left on {on}.":
        "Está registrado todo para dejar la etapa; se dejará el {on}.",
    "{best} of {least} {what}": "{best} de {least} {what}",
    "To leave it, it waits for {missing}.": "Para dejarla espera: {missing}.",
    "a {post}": "titular del cargo {post}",
    "a conference on or after {on}, none being listed": "una audiencia desde el {on}, sin ninguna en la lista",
    "It is looked at again on {on}, or when something is recorded.":
        "Se vuelve a revisar el {on}, o cuando se registre algo.",
    "It is looked at again when something is recorded.": "Se vuelve a revisar cuando se registre algo.",
}
_CLOCKS = {
    "The window runs from {since} to {until}": "La ventana va del {since} al {until}",
    "The limit is {on}": "La fecha límite es el {on}",
    "The stage is expected to be left by {on}": "Se prevé dejar la etapa a más tardar el {on}",
    "{days} days from now": "faltan {days} días",
    "{days} days ago": "hace {days} días",
    " with {months} months of extension": " con {months} meses de prórroga",
    " from the corrected agreement of {on}": " desde el acuerdo corregido al {on}",
    "nobody has recorded an end": "nadie ha registrado su fin",
    "until {on}": "hasta el {on}",
    "It is on hold since {since}, {ends}: the stage's target, stalls and overstays rest; the window and the limit do"
    " not.":
        "Está en pausa desde el {since}, {ends}: el objetivo de la etapa, la inactividad y la estancia descansan; la"
        " ventana y la fecha límite no.",
    "It was on hold for {days} days.": "Estuvo en pausa {days} días.",
    "It cannot be forecast: its cycle, its stage or the conferences it would need are not known to the fit.":
        "No se puede pronosticar: el ajuste no conoce su ciclo, su etapa o las audiencias que necesitaría.",
    "after the last listed conference": "después de la última audiencia de la lista",
    "The chance of an award is {chances}; at risk below {below} %, on track again from {recovered} %. If it"
    " stays, most likely on {p50}, between {p10} and {p90} (fit of {fit}).":
        "Probabilidad de otorgamiento: {chances}; en riesgo por debajo de {below} %, en tiempo de nuevo desde"
        " {recovered} %. Si permanece, lo más probable es {p50}, entre {p10} y {p90} (ajuste del {fit}).",
    "The chance of an award is {chances}; at risk below {below} %, on track again from {recovered} %. If it"
    " stays, it comes after the last listed conference (fit of {fit}).":
        "Probabilidad de otorgamiento: {chances}; en riesgo por debajo de {below} %, en tiempo de nuevo desde"
        " {recovered} %. Si permanece, será después de la última audiencia de la lista (ajuste del {fit}).",
    "by the window {chance}": "dentro de la ventana {chance}",
    "by the limit {chance}": "dentro de la fecha límite {chance}",
    "By what was counted at visits it is {days} days ahead of what its days here say.":
        "Por lo contado en las visitas va {days} días adelante de lo que dicen sus días aquí.",
    "By what was counted at visits it is {days} days behind what its days here say.":
        "Por lo contado en las visitas va {days} días atrás de lo que dicen sus días aquí.",
}
_RULES = {
    ", save on its last rung": ", salvo en el último nivel",
    '"{rule}" is not told to the {post} until {until}, who put it off{last}.':
        "«{rule}» no se dice a {post} hasta el {until}, porque lo pospuso{last}.",
    '"{rule}" has nothing to say in {stage}.': "«{rule}» no tiene nada que decir en {stage}.",
    '"{rule}" has nothing more to say of {clock}, {on}.': "«{rule}» ya no tiene nada que decir de {clock}, {on}.",
    '"{rule}" speaks next on {on}, {days} days before {clock}, {end}.':
        "«{rule}» habla de nuevo el {on}, {days} días antes de {clock}, {end}.",
    '"{rule}" speaks next on {on}, {days} days before {end}.':
        "«{rule}» habla de nuevo el {on}, {days} días antes del {end}.",
    '"{rule}" says nothing while the case is on hold.': "«{rule}» no dice nada mientras el caso está en pausa.",
    '"{rule}" will have nothing to say before the hold that is planned.':
        "«{rule}» no tendrá nada que decir antes de la pausa prevista.",
    "the window's first day": "la apertura de la ventana", "the window's last day": "la conclusión de la ventana",
    "the limit": "la fecha límite", "the stage's target": "la fecha objetivo de la etapa",
    "the cycle's first day": "la fecha inicial del ciclo",
    '"{rule}" spoke before, of earlier dates: {number}, {out} sent.':
        "«{rule}» ya habló de fechas anteriores: {number}, de los que salieron {out}.",
    "1 notice": "1 aviso", "{number} notices": "{number} avisos",
    '"{rule}" {which} {on}, to {posts}: {state}{because}.': "«{rule}», {which} {on}, a {posts}: {state}{because}.",
    "{days} days before": "{days} días antes del",
    "on rung {rung} counted from": "en el nivel {rung} contado desde el",
    "on rung {rung}, told again ({repeat}), counted from": "en el nivel {rung}, repetido ({repeat}), contado desde el",
    " or ": " o ",
    '"{rule}" owes nothing: nobody new is {posts}.': "«{rule}» no debe nada: nadie es nuevo en el cargo {posts}.",
    '"{rule}", {name}, {because}, due {on}: ': "«{rule}», {name}, {because}, para el {on}: ",
    "done, {what}.": "hecho, {what}.",
    "not on record yet, {when}; it counts from {since} on.": "aún sin registrar, {when}; cuenta desde el {since}.",
    "for the new {post} since {on}": "por el nuevo titular del cargo {post} desde el {on}",
    "{number} of {all}": "{number} de {all}",
    '"{rule}" has no cause: {why}.': "«{rule}» no tiene causa: {why}.",
    "nothing is owed": "no se debe nada",
    "nothing is owed that could be late": "no se debe nada que pueda retrasarse",
    "mail reaches whoever holds its posts": "el correo llega a quien ocupa sus cargos",
    "its posts are held and nobody is to leave": "sus cargos están cubiertos y nadie va a dejarlos",
    "the stage sets no days for it": "la etapa no le fija días",
    "nothing on record since {on}": "nada registrado desde el {on}",
    "in {stage} since {on}": "en {stage} desde el {on}",
    "{on} has passed": "el {on} ya pasó",
    "{name} ({whose}) was due on {on}": "{name} ({whose}) era para el {on}",
    "nobody is {post} since {on}": "el cargo {post} está vacante desde el {on}",
    "no mail reaches the {post} since {on}": "ningún correo llega a {post} desde el {on}",
    ", {days} days of which a change of government costs ({changes})":
        ", {days} días de los cuales cuesta un cambio de gobierno ({changes})",
    "the stages left, at their expected days, do not end in time for {on}":
        "las etapas que faltan, con sus días previstos, no terminan a tiempo para el {on}",
    "an award by {on} has a chance of {chance}": "un otorgamiento a más tardar el {on} tiene probabilidad de {chance}",
    '"{rule}" would open on {on} if nothing happens: {because}.':
        "«{rule}» se abriría el {on} si nada ocurre: {because}.",
    "all was said": "ya se dijo todo",
    "the next step is on {on}": "el siguiente paso es el {on}",
    "the next step waits for the hold to end": "el siguiente paso espera el fin de la pausa",
    "acknowledged until {on}, ": "atendido hasta el {on}, ",
    '"{rule}" stands since {since}: {because}; rung {rung} of {rungs} since {rung_on}, {upcoming}.':
        "«{rule}» está abierto desde el {since}: {because}; nivel {rung} de {rungs} desde el {rung_on}, {upcoming}.",
    '"{rule}", open since {since}, closes on {on}: {why}.':
        "«{rule}», abierto desde el {since}, se cierra el {on}: {why}.",
}
_ASKED = {
    "{person} held no post of this case on {on}: no rule could have told them.":
        "{person} no ocupaba ningún cargo de este caso el {on}: ninguna regla podía avisarle.",
    "{person} was {posts} on {on}.": "{person} ocupaba el {on}: {posts}.",
    "{person} stood in on {on} for {absent}, {posts}: mail for these posts was for {person}.":
        "{person} suplía el {on} a {absent}, {posts}: el correo de estos cargos era para {person}.",
    "{person} was away on {on}: mail for these posts was for {deputy}, who stood in.":
        "{person} estaba ausente el {on}: el correo de estos cargos era para {deputy}, en suplencia.",
    "{person} was away on {on}, and nobody could stand in: mail was for them all the same.":
        "{person} estaba ausente el {on} y nadie podía suplirle: el correo era para esa persona de todos modos.",
    "They held {post} from {since} to {until}.": "Ocupó el cargo {post} del {since} al {until}.",
    "They hold {post} from {since} on.": "Ocupa el cargo {post} desde el {since}.",
    "Not addressed to these posts: {rules}.": "No van dirigidas a estos cargos: {rules}.",
    '"{rule}" did tell {person} on {on}, in email {mails}.':
        "«{rule}» sí avisó a {person} el {on}, en el correo {mails}.",
    '"{rule}" had nothing to tell {person} by {on}.': "«{rule}» no tenía nada que decir a {person} hasta el {on}.",
    '"{rule}" {which} {on}: {became}.': "«{rule}», {which} {on}: {became}.",
    "told to {reader} on {on}, in email {mail}, who stood in for {person}":
        "se dijo a {reader} el {on}, en el correo {mail}, en suplencia de {person}",
    "told to whoever held the post then; each is told once":
        "se dijo a quien ocupaba entonces el cargo; cada uno se dice una vez",
    "decided, and told on {on}, in email {mail}: it waited for working hours":
        "se decidió, y se dijo el {on}, en el correo {mail}: esperó el horario laboral",
    "told to {person} on {on}, in email {mail}; each is told once":
        "se dijo a {person} el {on}, en el correo {mail}; cada uno se dice una vez",
    "decided, and waiting for the working hours of whoever holds the post":
        "se decidió, y espera el horario laboral de quien ocupa el cargo",
    "decided, and waiting for the working hours of {deputy}, who stands in":
        "se decidió, y espera el horario laboral de {deputy}, en suplencia",
    "on its way, and the provider has not answered yet": "va en camino, y el proveedor aún no responde",
    "held back": "se retuvo",
    "held back, because it was due before mail began here":
        "se retuvo, porque tocaba antes de que empezara aquí el correo",
    "not told, because a nearer one had come due": "no se dijo, porque ya tocaba uno más cercano",
    "held back, because nobody could be reached in the post": "se retuvo, porque nadie del cargo podía recibirlo",
    "cancelled, because the case ended": "se canceló, porque el caso concluyó",
    "cancelled, because the stage was left": "se canceló, porque se dejó la etapa",
    "cancelled, because the date was moved": "se canceló, porque se movió la fecha",
    "cancelled, because the escalation was closed": "se canceló, porque se cerró el escalamiento",
    "cancelled, because the policy no longer says it": "se canceló, porque la política ya no lo dice",
    "failed: it could not be written or delivered": "falló: no se pudo escribir o entregar",
    "not told, because its day lay too far back": "no se dijo, porque su día quedó muy atrás",
    "not told, because the date it counts down to was over":
        "no se dijo, porque la fecha a la que cuenta ya había pasado",
    "cancelled, because the case was put on hold": "se canceló, porque el caso se puso en pausa",
    "held back, because it was put off": "se retuvo, porque se pospuso",
    "cancelled, because what it reminds of was done": "se canceló, porque se hizo lo que recuerda",
    "cancelled, because whoever it was about left the post":
        "se canceló, porque la persona de quien trata dejó el cargo",
    "cancelled by an operator": "lo canceló la operación",
    "held back, because it may have gone out before the database came back from a backup":
        "se retuvo, porque quizá salió antes de que la base de datos volviera de un respaldo",
    "held back, because the reader's week had no email left for it":
        "se retuvo, porque a la semana de quien lo lee ya no le quedaba correo",
    "held back, because nothing was at risk, had changed or was asked that week":
        "se retuvo, porque esa semana no había nada en riesgo, ni cambios, ni nada que pedir",
    "held back, because it would have said what the last mail of the week had said":
        "se retuvo, porque habría dicho lo mismo que el último correo semanal",
    "in email {mail} of {on}": "en el correo {mail} del {on}",
    '"{rule}" of the week of {monday}, about all that {person} holds: {became}.':
        "«{rule}» de la semana del {monday}, sobre todo lo que {person} tiene a su cargo: {became}.",
    " and ": " y ",
    '"{rule}" reaches these posts on rung {rungs} of {all} only.':
        "«{rule}» llega a estos cargos solo en el nivel {rungs} de {all}.",
    '"{rule}" {which} {on}, to {post}, waits in batch {batch} for an operator: one run had too much mail.':
        "«{rule}», {which} {on}, a {post}, espera en el lote {batch} a la operación: una corrida tuvo demasiado"
        " correo.",
    '"{rule}" {which} {on}, to {post}, waits until {until}: its reader\'s week has no email left, and it joins the next'
    " digest.":
        "«{rule}», {which} {on}, a {post}, espera hasta el {until}: a la semana de quien lo lee ya no le queda correo,"
        " y se une al siguiente resumen.",
}
SENTENCES: dict[str, str] = {**_STAGES, **_CLOCKS, **_RULES, **_ASKED}
