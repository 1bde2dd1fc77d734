-- A database in memory: inserts, an index, joins, sorting.
CREATE TABLE parts (id INTEGER PRIMARY KEY, name TEXT, weight REAL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, part INTEGER, amount INTEGER, note TEXT);
WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 100000)
INSERT INTO parts SELECT n, hex(n * 7919), n * 0.25 FROM counter;
WITH RECURSIVE counter(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 600000)
INSERT INTO orders SELECT n, (n * 7919) % 100000 + 1, n % 17, printf('order %d of %x', n, n * 31) FROM counter;
CREATE INDEX orders_part ON orders (part);
CREATE INDEX parts_name ON parts (name);
SELECT count(*), sum(amount), sum(weight) FROM orders JOIN parts ON parts.id = orders.part WHERE name LIKE '%A%';
SELECT length(group_concat(note)) FROM (SELECT note FROM orders ORDER BY note DESC LIMIT 100000);
SELECT substr(name, 1, 2) AS head, count(*), round(avg(weight), 3) FROM parts GROUP BY head ORDER BY head;
UPDATE orders SET note = note || ' changed' WHERE amount > 8;
DELETE FROM orders WHERE amount < 4;
SELECT count(DISTINCT note), max(length(note)) FROM orders;
